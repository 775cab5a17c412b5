raise RuntimeError("capture never runs env.py")
