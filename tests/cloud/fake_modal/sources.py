"""What a client sends before anything runs: images, sources, secrets, large contents."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator

from grpclib import GRPCError, Status
from modal_proto import api_pb2 as pb

from tests.cloud.fake_modal.records import Container
from tests.cloud.fake_modal.serving import answers
from tests.cloud.fake_modal.world import World

DONE = pb.GenericResult(status=pb.GenericResult.GENERIC_STATUS_SUCCESS)


class Sources:
    """Answers what concerns images, mounts, secrets and blobs."""

    def __init__(self, world: World) -> None:
        self.world = world

    def _metadata(self) -> pb.ImageMetadata:
        return pb.ImageMetadata(image_builder_version=self.world.settings.builder)

    @answers("ImageGetOrCreate")
    async def image(self, request: pb.ImageGetOrCreateRequest, _: Container | None) -> pb.ImageGetOrCreateResponse:
        known = [image_id for image_id, image in self.world.images.items() if image == request.image]
        image_id = known[0] if known else self.world.new_id("im")
        self.world.images[image_id] = request.image
        return pb.ImageGetOrCreateResponse(image_id=image_id, metadata=self._metadata())

    @answers("ImageJoinStreaming")
    async def build(
        self, request: pb.ImageJoinStreamingRequest, _: Container | None
    ) -> AsyncIterator[pb.ImageJoinStreamingResponse]:
        text = f"recorded {request.image_id}, not built\n"
        told = pb.TaskLogs(data=text, file_descriptor=pb.FILE_DESCRIPTOR_INFO)
        yield pb.ImageJoinStreamingResponse(task_logs=[told])
        yield pb.ImageJoinStreamingResponse(result=DONE, metadata=self._metadata())

    @answers("MountBatchedCheckExistence")
    async def missing(
        self, request: pb.MountBatchedCheckExistenceRequest, _: Container | None
    ) -> pb.MountBatchedCheckExistenceResponse:
        missing = [digest for digest in request.sha256_hex_hashes if digest not in self.world.contents]
        return pb.MountBatchedCheckExistenceResponse(missing_sha256_hex_hashes=missing)

    @answers("MountPutFile")
    async def put_file(self, request: pb.MountPutFileRequest, _: Container | None) -> pb.MountPutFileResponse:
        kind = request.WhichOneof("data_oneof")
        if kind is not None:
            content = request.data if kind == "data" else self.world.blobs.get(request.data_blob_id, b"")
            if hashlib.sha256(content).hexdigest() != request.sha256_hex:
                raise GRPCError(Status.INVALID_ARGUMENT, "The content does not have the checksum that was told")
            self.world.contents[request.sha256_hex] = content
        return pb.MountPutFileResponse(exists=request.sha256_hex in self.world.contents)

    @answers("MountGetOrCreate")
    async def mount(self, request: pb.MountGetOrCreateRequest, _: Container | None) -> pb.MountGetOrCreateResponse:
        """A set of files. One that Modal itself offers (the client's own package) is here already, and stays empty."""
        files = {file.filename: (file.sha256_hex, file.mode) for file in request.files}
        lacking = [name for name, (digest, _) in files.items() if digest not in self.world.contents]
        if lacking:
            raise GRPCError(Status.FAILED_PRECONDITION, f"These files were never sent: {', '.join(lacking)}")
        mount_id = self.world.new_id("mo")
        self.world.mounts[mount_id] = files
        digest = hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest()
        return pb.MountGetOrCreateResponse(
            mount_id=mount_id, handle_metadata=pb.MountHandleMetadata(content_checksum_sha256_hex=digest)
        )

    @answers("SecretGetOrCreate")
    async def secret(self, request: pb.SecretGetOrCreateRequest, _: Container | None) -> pb.SecretGetOrCreateResponse:
        known = [secret_id for secret_id, (name, _) in self.world.secrets.items() if name == request.deployment_name]
        creation = request.object_creation_type
        if request.deployment_name and creation == pb.OBJECT_CREATION_TYPE_UNSPECIFIED:
            if not known:
                raise GRPCError(Status.NOT_FOUND, f"Secret '{request.deployment_name}' not found")
            return pb.SecretGetOrCreateResponse(secret_id=known[0])
        secret_id = self.world.new_id("st")
        self.world.secrets[secret_id] = (request.deployment_name, dict(request.env_dict))
        return pb.SecretGetOrCreateResponse(secret_id=secret_id)

    @answers("BlobCreate")
    async def create_blob(self, _request: pb.BlobCreateRequest, _: Container | None) -> pb.BlobCreateResponse:
        blob_id = self.world.new_id("bl")
        urls = pb.UploadUrlList(items=[f"{self.world.http}/blobs/{blob_id}"])
        return pb.BlobCreateResponse(blob_id=blob_id, blob_ids=[blob_id], upload_urls=urls)

    @answers("BlobGet")
    async def get_blob(self, request: pb.BlobGetRequest, _: Container | None) -> pb.BlobGetResponse:
        if request.blob_id not in self.world.blobs:
            raise GRPCError(Status.NOT_FOUND, f"There is no blob {request.blob_id}")
        return pb.BlobGetResponse(download_url=f"{self.world.http}/blobs/{request.blob_id}")
