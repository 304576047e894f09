FROM python:3.12-slim
RUN useradd --create-home gisa
WORKDIR /app
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY index index
COPY service service
# torch from PyTorch's index of builds without GPU libraries; empty: PyPI's, which brings several GB of them.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
# Optional parts, as in pyproject.toml; "openai" and "anthropic" are others.
ARG EXTRAS=mcp,otel,slack
RUN pip install --no-cache-dir --no-deps ${TORCH_INDEX:+--index-url $TORCH_INDEX} "$(grep -o '^torch==[^ ]*' constraints.txt)" \
    && pip install --no-cache-dir --constraint constraints.txt ".[$EXTRAS]"
RUN mkdir -p /data && chown gisa /data
USER gisa
ENV GISA_INDEX=/data/index GISA_FEEDBACK=/data/feedback.sqlite GISA_CACHE=/home/gisa/.cache/gisa
RUN gisa model prepare
EXPOSE 8000
HEALTHCHECK CMD python -c "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz')"
# The container's own address is not loopback: GISA_AUTH=keys with GISA_API_KEYS, or publish the port
# on loopback or behind a proxy and set GISA_ALLOW_PUBLIC=true.
CMD ["gisa", "serve", "--host", "0.0.0.0"]
