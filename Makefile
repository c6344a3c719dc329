# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

export PATH := $(CURDIR)/.venv/bin:$(PATH)
export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/.local/collections
export ANSIBLE_HOME := $(CURDIR)/.local/ansible
# A user's own configuration must not change what the targets do.
export ANSIBLE_CONFIG := $(CURDIR)/tests/ansible.cfg

SET_UP := .venv/set-up
LOCAL_AWS := python tests/local_aws/local_aws.py
# Whose tests show calls that a whole site does not make: options and changes of all kinds.
RECORDED_MODULES := cluster database environment_info image load_balancer network observability queue secrets \
	security storage
RECORD_IAM := PYTHONPATH=$(CURDIR)/tests/generate:$(CURDIR)/tests/local_aws python $(CURDIR)/tests/iam/record.py
SITE := ansible-playbook playbooks/site.yml -i inventories/local

.PHONY: help
help: ## Show this help
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(SET_UP): requirements/dev.txt requirements/uv.txt tests/local_aws/set_up.sh
	@tests/local_aws/set_up.sh

.PHONY: setup
setup: $(SET_UP) ## Make .venv from the locked requirements

.PHONY: aws
aws: $(SET_UP) ## Start the local AWS: Docker, base images, the emulator
	@$(LOCAL_AWS) up

.PHONY: up
up: aws ## Deploy the whole platform on this machine and leave it running
	@eval "$$($(LOCAL_AWS) variables)"; time $(SITE)

.PHONY: demo
demo: up ## Deploy the platform and run a DAG of 42 tasks through it
	@python tests/local_aws/demo.py

.PHONY: credentials
credentials: $(SET_UP) ## Show the name and password of the local Airflow's administrator
	@python tests/local_aws/demo.py credentials

.PHONY: status
status: $(SET_UP) ## Show the platform as a table
	@eval "$$($(LOCAL_AWS) variables)"; \
		SSL_CERT_FILE=$$SM2A_LOCAL_AUTHORITY ansible-playbook playbooks/status.yml -i inventories/local

.PHONY: down
down: $(SET_UP) ## Stop and delete everything that runs on this machine
	@$(LOCAL_AWS) down

.PHONY: generate
generate: $(SET_UP) ## Write what is generated from declarations: modules, roles, playbooks, tables
	@PYTHONPATH=$(ANSIBLE_COLLECTIONS_PATH) python tests/generate

.PHONY: record-iam
record-iam: $(SET_UP) ## Note again what playbooks and modules call, and write docs/iam from it (fifteen minutes)
	@rm -rf .local/iam && mkdir -p .local/iam
	@SM2A_TEST_IAM=RECORD SM2A_TEST_IAM_RECORD=$(CURDIR)/.local/iam/life python -m pytest -q \
		tests/integration/nightly_iam.py
	@SM2A_TEST_IAM=RECORD SM2A_TEST_IAM_RECORD=$(CURDIR)/.local/iam/modules python -m pytest -q -k ministack \
		$(addprefix tests/integration/test_,$(addsuffix .py,$(RECORDED_MODULES)))
	@cd .local/iam && $(RECORD_IAM) calls life.dev=dev life.production=production \
		life.endpoints=dev modules=test
	@$(MAKE) --no-print-directory generate

.PHONY: complete-iam
complete-iam: $(SET_UP) ## Add to the table of calls what the code names and no run has called, and write docs/iam
	@$(RECORD_IAM) complete
	@$(MAKE) --no-print-directory generate

.PHONY: record-services
record-services: $(SET_UP) ## Write the table of what services do from what the last `make test-e2e` noted
	@$(RECORD_IAM) services .local/log/iam.jsonl

.PHONY: removals
removals: $(SET_UP) ## Take everything out of every policy in turn, into build/removals.md with what is denied then
	@mkdir -p build
	@PYTHONPATH=$(ANSIBLE_COLLECTIONS_PATH):tests/local_aws:tests/unit/kernel \
		python tests/iam/removals.py > build/removals.md

.PHONY: component
component: $(SET_UP) ## Begin a new component: make component NAME=alarms
	@PYTHONPATH=$(ANSIBLE_COLLECTIONS_PATH) python tests/generate/scaffold.py $(NAME)
	@$(MAKE) --no-print-directory generate

.PHONY: lint
lint: $(SET_UP) ## Run every linter
	@tests/lint.sh

.PHONY: test-unit
test-unit: $(SET_UP) ## Fast tests, no network
	@python -m pytest tests/unit -n 2

.PHONY: test-integration
test-integration: $(SET_UP) ## Every module against two emulators of AWS
	@python -m pytest tests/integration -n 2 --dist worksteal

.PHONY: test-e2e
test-e2e: $(SET_UP) ## The whole platform in containers: plan, deploy, run a DAG, repeat, tear down
	@eval "$$($(LOCAL_AWS) up > /dev/null && $(LOCAL_AWS) variables)"; python -m pytest tests/e2e -v -s

.PHONY: test-mysql
test-mysql: $(SET_UP) ## The same with MySQL in the place of PostgreSQL; not a part of `make test`
	@trap '$(LOCAL_AWS) down' EXIT; eval "$$($(LOCAL_AWS) up > /dev/null && $(LOCAL_AWS) variables)"; \
		SM2A_TEST_DATABASE_ENGINE=mysql python -m pytest tests/e2e -v -s

.PHONY: test-seeds
test-seeds: $(SET_UP) ## Site, a change and teardown under ten seeds of AWS's states and time, without Docker; nightly
	@time SM2A_TEST_SEEDS=$${SM2A_TEST_SEEDS:-10} python -m pytest tests/integration/nightly_seeds.py -v -s

.PHONY: test-crashes
test-crashes: $(SET_UP) ## Kill runs after every single write, throttle them, lose answers; nightly
	@time python -m pytest tests/integration/nightly_crashes.py -n 2 --dist worksteal

.PHONY: test-versions
test-versions: $(SET_UP) ## Unit and integration tests on the oldest supported versions; nightly
	@time tests/versions.sh

.PHONY: test-requirements
test-requirements: $(SET_UP) ## What people add to Airflow goes with the packages of the image; asks PyPI; nightly
	@time python -m pytest tests/integration/nightly_requirements.py -v -s

.PHONY: test-molecule
test-molecule: $(SET_UP) ## The Molecule scenarios of single roles, on moto; nightly
	@time for file in extensions/molecule/*/converge.yml; do molecule test -s "$$(basename "$$(dirname "$$file")")"; done

.PHONY: test-judges
test-judges: $(SET_UP) ## Prowler, parliament and cfn-lint on what `site` makes of inventories/production; nightly
	@time tests/judges.sh

.PHONY: bench
bench: $(SET_UP) ## Measure what users wait for, in ratios within one run, into build/bench.json (seven minutes)
	@python tests/bench/bench.py

.PHONY: bench-scaler
bench-scaler: $(SET_UP) ## Compare the scaler with others on traces of many kinds (two minutes)
	@python -m sm2a_scaler bench

.PHONY: test
test: $(SET_UP) ## lint, test-unit, test-integration and test-e2e; leaves nothing running
	@trap '$(LOCAL_AWS) down' EXIT; $(MAKE) --no-print-directory lint test-unit test-integration test-e2e

.PHONY: lock
lock: $(SET_UP) ## Lock the requirements again, and list the options of the image's Airflow
	@uv pip compile --quiet --generate-hashes --universal --no-header requirements/uv.in -o requirements/uv.txt
	@uv pip compile --quiet --generate-hashes --universal --python-version 3.12 --no-header \
		requirements/dev.in -o requirements/dev.txt
	@uv pip compile --quiet --generate-hashes --universal --python-version 3.12 --no-header \
		--override requirements/oldest-overrides.txt requirements/oldest.in -o requirements/oldest.txt
	@uv pip compile --quiet --generate-hashes --universal --python-version 3.12 --no-header \
		requirements/judges.in -o requirements/judges.txt
	@cd roles/airflow/files/image && uv pip compile --quiet --generate-hashes --python-version 3.13 \
		--python-platform x86_64-manylinux_2_40 --no-header requirements.in -o requirements.txt
	@uv pip install --quiet --no-deps --target .local/airflow \
		$$(sed -nE 's/^(apache-airflow[a-z-]*==[0-9.]+).*/\1/p' roles/airflow/files/image/requirements.txt)
	@uv pip compile --quiet --no-deps --no-annotate --python-version 3.13 --no-header \
		requirements/providers.in -o requirements/providers.txt
	@uv pip install --quiet --no-deps --target .local/airflow-providers -r requirements/providers.txt
	@python tests/airflow_options.py .local/airflow .local/airflow-providers

.PHONY: clean
clean: ## Delete .venv and everything that tests left
	@if [ -x .venv/bin/python ]; then $(LOCAL_AWS) down; fi
	@rm -rf .venv .local build collections/ansible_collections .mypy_cache .pytest_cache .ruff_cache .hypothesis
