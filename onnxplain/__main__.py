"""Run onnxplain as a module: ``python -m onnxplain --help``."""

from onnxplain.cli import main

if __name__ == "__main__":
    main()
