# onnxplain in a container, in one of two flavours:
#   docker build -t onnxplain .                               forward-only, on the CPU
#   docker build -t onnxplain:full --build-arg FLAVOUR=full . with PyTorch for the CPU
#   docker run --rm -v "$PWD:/work" onnxplain explain MODEL IMAGE
FROM python:3.12-slim

ARG FLAVOUR=light
ENV PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 \
    MPLCONFIGDIR=/tmp/matplotlib

COPY . /source
RUN if [ "$FLAVOUR" = light ]; then \
        pip install --no-compile /source/distributions/light; \
    elif [ "$FLAVOUR" = full ]; then \
        pip install --no-compile torch torchvision --index-url https://download.pytorch.org/whl/cpu \
        && pip install --no-compile "/source/distributions/light[torch]"; \
    else \
        echo "FLAVOUR is light or full, not '$FLAVOUR'" >&2; exit 1; \
    fi \
    && rm -rf /source

# Models and pictures are untrusted input: nothing runs as root.
RUN useradd --create-home explainer
USER explainer
WORKDIR /work
ENTRYPOINT ["onnxplain"]
CMD ["--help"]
