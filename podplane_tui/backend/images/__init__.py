"""Disk images and base images: qcow2 headers, `qemu-img`, podplane's cache and manifest, downloads, digests.

What lives here: reading untrusted images, making overlays, verifying digests, and taking kernel and initrd out of a
base image. What may not: locks of VMs, and verbs; `vm.disk` has those of a stopped VM's disk.
"""
