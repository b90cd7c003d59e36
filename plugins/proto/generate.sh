#!/bin/sh
# Regenerates the Go of every .proto below this folder, and the Python of the examples. Run by go generate.
set -eu
cd "$(dirname "$0")"
bin=$(mktemp -d)
trap 'rm -rf "$bin"' EXIT
go build -o "$bin/" google.golang.org/protobuf/cmd/protoc-gen-go google.golang.org/grpc/cmd/protoc-gen-go-grpc
find . -name '*.proto' | LC_ALL=C sort | while read -r file; do
	PATH="$bin:$PATH" protoc --proto_path=. \
		--go_out=. --go_opt=paths=source_relative \
		--go-grpc_out=. --go-grpc_opt=paths=source_relative "${file#./}"
done
for kind in plugin skill mcp; do
	protoc --proto_path=$kind/v1 --python_out=../examples/python $kind.proto
done
