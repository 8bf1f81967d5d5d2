# The front door. Each target is one line that calls a named script; the scripts' exit statuses are in
# benchmarks/README.md (make itself ends with 2 for any of them that is not 0).
node := benchmarks/toolchain/run-node.sh
build_options = $(if $(BASE),--base '$(BASE)') $(if $(BUILD_BASE),--build-base '$(BUILD_BASE)') $(if $(BUILD_NETWORK),--build-network '$(BUILD_NETWORK)')
deploy_options = $(if $(STACK),--stack '$(STACK)') $(build_options)

# A setting that no target reads is a slip of the pen, and something else would run for minutes, or be taken down. What
# dev and the tests are given goes to the service, which looks at it itself.
passed_on := REQUIRE_ALL GRAFANA_% DOCKER_% PULUMI_% AWS_%
settings := $(shell grep -o '[$$]([A-Z_]*)' Makefile | tr -d '$$()')
given := $(foreach name,$(.VARIABLES),$(if $(filter command,$(origin $(name))),$(name)))
unread := $(filter-out $(settings) $(passed_on),$(given))
ifneq ($(and $(unread),$(filter-out dev test test-infra rehearse-deploy check telemetry,$(MAKECMDGOALS))),)
$(error nothing reads $(unread): make lists the targets and their settings)
endif

.DEFAULT_GOAL := help
.PHONY: help setup doctor dev test check bench faults gate gate-expect gate-calibrate gate-badge selftest telemetry report verify docs micro probe-figures image up deploy rehearse-deploy sbom preview down backup restore test-infra clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /  make \1	/p' Makefile | expand -t 24

setup: ## install what test and bench need (they do it themselves, too)
	@$(node) benchmarks/toolchain/setup.ts

doctor: ## show this machine's tools and what is missing; installs nothing but npm's packages
	@$(node) benchmarks/toolchain/doctor.ts

dev: ## run the service with SQLite and its two Redis servers; Ctrl-C ends all
	@$(node) benchmarks/environments/dev.ts

test: ## run the tests; FILES="service/test/seed" for some of them
	@$(node) .config/test.ts $(FILES)

check: ## types, lint, format, unused code, import directions, links of documents, shell scripts, workflows
	@$(node) .config/check.ts

bench: ## run the two headline experiments, or EXPERIMENT=performance-cache; PROFILE=quick|full DATABASE=postgres|sqlite ENVIRONMENT=processes|containers SEED=1
	@$(strip $(node) benchmarks/cli.ts run $(if $(EXPERIMENT),--experiment '$(EXPERIMENT)') $(if $(PROFILE),--profile '$(PROFILE)') $(if $(DATABASE),--database '$(DATABASE)') $(if $(ENVIRONMENT),--environment '$(ENVIRONMENT)' $(if $(IMAGES),--image $(IMAGES)) $(build_options)) $(if $(SEED),--seed '$(SEED)'))

faults: ## hurt the service in every way, see if its promise holds: LONG=1 SUITE=seats|cache ROWS="…" DATABASE=postgres|sqlite SEED=1
	@$(strip $(node) benchmarks/cli.ts faults $(if $(LONG),--long) $(if $(SUITE),--suite '$(SUITE)') $(if $(ROWS),--row $(ROWS)) $(if $(DATABASE),--database '$(DATABASE)') $(if $(SEED),--seed '$(SEED)'))

gate: ## hold a commit against another, regressions FAIL: BASE=main HEAD=HEAD SEED=1
	@$(strip $(node) benchmarks/cli.ts gate $(if $(BASE),--base '$(BASE)') $(if $(HEAD),--head '$(HEAD)') $(if $(SEED),--seed '$(SEED)') $(if $(PLANT_CPU_LOSS),--plant-cpu-loss '$(PLANT_CPU_LOSS)'))

gate-expect: ## count this work tree and write down what the gate expects from then on
	@$(node) benchmarks/cli.ts gate-expect

gate-calibrate: ## record how the gate behaves with and without a known loss; goes on where it was: SIZE=short|full GATES=5
	@$(strip $(node) benchmarks/cli.ts gate-calibrate $(if $(SIZE),--size '$(SIZE)') $(if $(GATES),--gates '$(GATES)'))

gate-badge: ## write what a badge says of the recorded calibration: reports/gate-calibration/badge.json
	@$(node) benchmarks/cli.ts gate-badge

selftest: ## plant what the lab must notice, and see whether it does; ONLY="N+1" some of it
	@$(strip $(node) benchmarks/cli.ts selftest $(if $(ONLY),--only '$(ONLY)'))

telemetry: ## every panel and every alert against a real Prometheus, loads and outages: about 5 minutes
	@$(node) dashboards/proof/telemetry.ts

report: ## render a run again from its evidence, or every run: RUN=reports/<run>
	@$(strip $(node) benchmarks/cli.ts report $(if $(RUN),'$(RUN)'))

verify: ## compute every number of a report again and name what differs, or of every report: RUN=reports/<run>
	@$(strip $(node) benchmarks/cli.ts verify $(if $(RUN),'$(RUN)'))

docs: ## write what README.md and reports/decisions/ quote of runs, and the index of all runs in reports/
	@$(node) benchmarks/cli.ts docs

micro: ## figures beside bare references: FIGURES="cached-reads accepting large-job small-jobs probes" ROUNDS=5
	@$(strip $(node) benchmarks/micro/micro.ts $(if $(ROUNDS),--rounds '$(ROUNDS)') $(FIGURES))

probe-figures: ## measure how right the probes read and what they cost, and write reports/probes/: two minutes
	@$(node) benchmarks/micro/record-probe-figures.ts

image: ## build the service's image, tagged by its content: BASE=… BUILD_BASE=… BUILD_NETWORK=host
	@$(strip $(node) infra/deploy/cli.ts image $(deploy_options))

up: ## deploy a stack as containers with Pulumi: STACK=dev|bench|prod ROTATE=databasePassword
	@$(strip $(node) infra/deploy/cli.ts up $(deploy_options) $(if $(ROTATE),--rotate '$(ROTATE)'))

deploy: ## put an image into production, and the former one back when it stays red: IMAGE=repository@sha256:… WITHIN=600
	@$(strip $(node) infra/deploy/cli.ts deploy --stack '$(or $(STACK),prod)' --image '$(IMAGE)' $(if $(WITHIN),--within '$(WITHIN)'))

rehearse-deploy: ## deploy over SSH to a Docker engine of its own: a good image, bad ones, the way back (Linux, root, Pulumi)
	@$(node) .config/test.ts --config=infra/test/engine/vitest.ts infra/test/engine/release.engine.ts

sbom: ## list the npm packages of the service's image, with versions and licences: .data/sbom.cdx.json
	@$(node) infra/deploy/cli.ts sbom

preview: ## what up would change: STACK=dev|bench|prod
	@$(strip $(node) infra/deploy/cli.ts preview $(deploy_options))

down: ## take a stack away: STACK=dev|bench|prod; prod asks first and keeps its data
	@$(strip $(node) infra/deploy/cli.ts down $(deploy_options) $(if $(CONFIRM),--confirm '$(CONFIRM)'))

backup: ## copy a stack's database and queue while it runs: STACK=dev TO=folder
	@$(strip $(node) infra/deploy/cli.ts backup $(if $(STACK),--stack '$(STACK)') $(if $(TO),--to '$(TO)'))

restore: ## put a backup in the place of what a stack has: STACK=dev FROM=folder CONFIRM=prod
	@$(strip $(node) infra/deploy/cli.ts restore $(if $(STACK),--stack '$(STACK)') $(if $(FROM),--from '$(FROM)') $(if $(CONFIRM),--confirm '$(CONFIRM)'))

test-infra: ## run image and stack on a Docker engine of their own (Linux, root); with Pulumi where it is on the PATH
	@$(node) .config/test.ts --config=infra/test/engine/vitest.ts

clean: ## remove .data and scratch; ALL=1 also .tools and node_modules
	@benchmarks/toolchain/clean.sh $(if $(ALL),--all)
