"""Figures of merit: OS2D's own protocol and COCO's."""
