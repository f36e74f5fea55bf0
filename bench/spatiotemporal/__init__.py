"""spatiotemporal"""
