"""Training on a cloud's GPUs: what is sent, what a container does with it, what comes back.

Only :mod:`nsm.cloud.modal_platform` knows Modal. The rest works on a storage and a call in general.
"""
