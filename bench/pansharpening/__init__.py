"""pansharpening"""
