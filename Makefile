# Every habit has a target; `make` lists them. Tools are pinned in go.mod, what
# else is needed is installed by `make deps`. Everything made here lies in bin/
# and out/, which git ignores.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# A release has its tag for a version; anything else says which commit it is.
VERSION ?= $(shell git describe --tags --exact-match 2>/dev/null || echo 0.1.0-dev+$$(git describe --always --dirty 2>/dev/null || echo unknown))
BUILD := CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$(VERSION)"
EXE := $(shell go env GOEXE)
HOST := bin/codexhost$(EXE)
# Go turns cgo off by itself where there is no C compiler; the race detector needs one.
# It also makes every process of a test sleep a second when it ends, to hear of late races; here they start by the hundred.
export GORACE := atexit_sleep_ms=50
RACE := $(if $(filter 1,$(shell go env CGO_ENABLED)),-race)
PACKAGES ?= ./...
TESTFLAGS ?=
FUZZTIME ?= 10s
BENCHTIME ?= 0.5s
GENERATED := '*_gen.go' '*.pb.go'
# The conformance lab, the load driver and the schema are kept beside the repository.
SHARED := ../shared
PEER := out/peer

.PHONY: build demo test editors current-editors vsix lint generate check-generated bench lab cover fuzz race check deps clean help

build: ## build bin/codexhost, and the example MCP server beside it
	$(BUILD) -o $(HOST) ./cmd/codexhost
	$(BUILD) -o bin/wordcount$(EXE) ./plugins/examples/wordcount

demo: build ## run one session, end to end: offline model, skill, MCP tool, stored thread
	./$(HOST) demo

test: ## run all tests, shuffled, with the race detector where cgo is there
	go test -shuffle=on -timeout=10m $(RACE) $(TESTFLAGS) $(PACKAGES)

race: ## run all tests three times with the race detector
	CGO_ENABLED=1 go test -race -shuffle=on -count=3 -timeout=10m $(TESTFLAGS) $(PACKAGES)

lint: ## gofmt, go vet here and for macOS and Windows, staticcheck
	@bad=$$(find . -name '*.go' -not -path './out/*' -not -path '*/node_modules/*' | xargs gofmt -l); \
	if [ -n "$$bad" ]; then printf 'not gofmt-ed (run gofmt -w):\n%s\n' "$$bad"; exit 1; fi
	go vet $(PACKAGES)
	GOOS=darwin go vet $(PACKAGES)
	GOOS=windows go vet $(PACKAGES)
	go tool staticcheck $(PACKAGES)

generate: ## write the generated Go again: the wire's vocabulary, the plugin contracts
	@if [ -d $(SHARED)/schema ]; then set -x; go generate ./rpc/...; \
	else echo "generate: $(SHARED)/schema is not here, the wire's vocabulary stays as it is"; fi
	@if command -v protoc >/dev/null; then set -x; go generate ./plugins/...; \
	else echo "generate: protoc is not here (Debian: protobuf-compiler), the plugin contracts stay as they are"; fi

check-generated: generate ## fail if the committed generated Go is not what the generators write
	@if [ -n "$$(git status --porcelain -- $(GENERATED))" ]; then \
		git --no-pager diff --stat -- $(GENERATED); git status --short -- $(GENERATED); \
		echo "check-generated: commit what make generate writes, together with its cause"; exit 1; fi

bench: build ## Go benchmarks, then the load driver, beside the reference host if npm can install it
	go test -run='^$$' -bench=. -benchmem -benchtime=$(BENCHTIME) $(PACKAGES) | grep -v 'no test files'
	@.ci/bench ./$(HOST) $(SHARED)/bench $(PEER)

lab: build ## drive the host through the conformance lab and hold the result against .ci/lab-floor
	@.ci/lab ./$(HOST) $(SHARED)/lab

cover: ## run all tests with coverage; out/cover.html has the lines
	@mkdir -p out
	go test -timeout=10m -coverpkg=./... -coverprofile=out/cover.out $(TESTFLAGS) $(PACKAGES)
	go tool cover -html=out/cover.out -o out/cover.html
	go tool cover -func=out/cover.out | tail -n 1

fuzz: ## run every fuzz target for FUZZTIME (10s)
	@failed=; while read -r dir target; do \
		echo "$$dir $$target"; \
		go test -run='^$$' -fuzz="^$$target\$$" -fuzztime=$(FUZZTIME) "$$dir" </dev/null || failed+=" $$target"; \
	done < <(grep -rHoE --include='*_test.go' --exclude-dir=out '^func Fuzz[A-Za-z0-9_]*' . | sed -E 's/^(.*)\/[^/]*:func (.*)$$/\1 \2/' | sort -u); \
	if [ -n "$$failed" ]; then echo "fuzz: failed:$$failed; commit what it found under testdata/fuzz with the fix"; exit 1; fi

check: ## exactly what CI runs
	.ci/run

editors: build ## run the suites of the editors' clients against the host; those whose editor is missing are skipped
	@editors/current.sh out/editors/current || true
	editors/test.sh ./$(HOST)

current-editors: ## fetch a Neovim and an Emacs newer than the system's for the suites, into out/ only (Debian's packages, unpacked)
	@editors/current.sh out/editors/current

vsix: ## build out/codexhost.vsix, the VS Code extension
	@mkdir -p out
	cd editors/vscode && scripts/install.sh && npm run -s package -- ../../out/codexhost.vsix

deps: ## fetch what tests and tools need: modules, system packages (as root), the reference host and MCP servers of others (npm)
	@.ci/deps $(PEER)

clean: ## remove bin/ and out/
	rm -rf bin out

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  \1\t\2/' | expand -t 20
