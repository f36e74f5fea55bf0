"""bandpass"""
