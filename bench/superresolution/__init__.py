"""superresolution"""
