# The versions below are exact; a digest can be added behind each (FROM name:tag@sha256:…).
FROM python:3.12.11-slim-bookworm AS build
WORKDIR /src
RUN python -m venv /opt/gisa
# torch from PyTorch's index of builds without GPU libraries; empty: PyPI's, which brings several GB of them.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
COPY constraints.txt ./
RUN /opt/gisa/bin/pip install --no-cache-dir --no-deps ${TORCH_INDEX:+--index-url $TORCH_INDEX} "$(grep -o '^torch==[^ ]*' constraints.txt)"
COPY pyproject.toml README.md LICENSE ./
COPY index index
COPY service service
# Optional parts, as in pyproject.toml; "openai" and "anthropic" are others.
ARG EXTRAS=mcp,milvus,otel,postgres,slack
RUN /opt/gisa/bin/pip install --no-cache-dir --constraint constraints.txt ".[$EXTRAS]"
# The model is unpacked and converted here: where it runs nothing can be written.
RUN GISA_CACHE=/opt/gisa/models /opt/gisa/bin/gisa model prepare \
    && GISA_CACHE=/opt/gisa/models /opt/gisa/bin/python -c "from index.embedding import SentenceTransformerEmbedder; SentenceTransformerEmbedder().embed_queries(['준비'])" \
    && chmod -R a+rX /opt/gisa/models

FROM python:3.12.11-slim-bookworm
RUN useradd --uid 10001 --no-create-home --home-dir /tmp gisa && install -d -o gisa -g gisa /data
COPY --from=build /opt/gisa /opt/gisa
USER 10001
WORKDIR /data
VOLUME /data
ENV PATH=/opt/gisa/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    GISA_CACHE=/opt/gisa/models GISA_INDEX=/data/index GISA_FEEDBACK=/data/feedback.sqlite
EXPOSE 8000
HEALTHCHECK --start-period=60s CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=5)"]
# The container's own address is not loopback: GISA_AUTH=keys with GISA_API_KEYS, or publish the port
# on loopback or behind a proxy and set GISA_ALLOW_PUBLIC=true.
CMD ["gisa", "serve", "--host", "0.0.0.0"]
