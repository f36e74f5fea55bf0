"""cloud_removal"""
