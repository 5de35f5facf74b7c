"""Run onnxplain from a checkout: ``python cli.py --help``."""

from onnxplain.cli import main

if __name__ == "__main__":
    main()
