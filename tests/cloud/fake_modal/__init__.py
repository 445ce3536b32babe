"""A Modal of one's own: a control plane on this machine that the real ``modal`` client talks to.

It knows the client's protocol from the wheel (``modal_proto``), answers ``modal run``, ``deploy``, ``app``,
``container`` and ``volume``, and truly runs the functions: each attempt of an input is given to the wheel's own
``modal._container_entrypoint`` in a container of its own (namespaces for mounts and processes, an overlay of this
machine's files, the sent sources at their remote paths, each volume at its mount point), so root is needed.

It speaks to the client that ``requirements-dev.lock`` names. What it imitates, because programs depend on it:

- A volume's file is visible to others once its container *commits*; the last writer of a file wins; a reload is refused
  while a process of the container has a file of the volume open or works inside it.
- A preempted container gets SIGINT, then SIGKILL; its input runs again and uses up no retry.
- A time-out kills at once. Time-outs, exceptions and lost containers use up retries, after the policy's delays.
- An attached application ends with its client, a detached or deployed one goes on.
- Unknown GPUs, time-outs beyond a day and more than ten retries are refused.

What it does not imitate: images are not built (their commands are recorded, the interpreter is this machine's), there
is no GPU, one container serves one input, sandboxes, classes' snapshots, web endpoints and schedules are missing.
"""
