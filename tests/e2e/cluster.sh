#!/usr/bin/env bash
# Two builds from installation to traffic on a real cluster, and what goes wrong at night.
#
# Usage: tests/e2e/cluster.sh [--tag TAG] [--registry PREFIX] [--claim FILE] [--keep] [--dry-run]
#
#   --tag TAG          the images' tag (default e2e): modelsystem/trainer:TAG, scorer, waiter
#   --registry PREFIX  the images' registry, such as acr.example/modelsystem (default modelsystem)
#   --claim FILE       creates the claim azurefilecustom, such as kube/pvc_azure.yml; by default the
#                      cluster's default class provides it, ReadWriteOnce: enough for one node
#   --keep             keep the namespace at the end, to inspect it
#   --dry-run          print every step and render all releases, without a cluster
#
# KUBECONFIG names the cluster. Load the images into a local one by:
#   make images BUILDNUMBER=e2e
#   kind:     for w in trainer scorer waiter; do kind load docker-image modelsystem/$w:e2e; done
#   minikube: for w in trainer scorer waiter; do minikube image load modelsystem/$w:e2e; done
# HELM, KUBECTL and RELEASE (.venv/bin/release) name other programs than those on the PATH. The script works in a namespace of its
# own, which enforces Pod Security "restricted". It splits traffic by HTTPRoute if the cluster has a
# GatewayClass.
set -euo pipefail
cd "$(dirname "$0")/../.."

HELM=${HELM:-helm}
KUBECTL=${KUBECTL:-kubectl}
RELEASE=${RELEASE:-release}
NAMESPACE=modelsystem-e2e-$$
tag=e2e registry=modelsystem claim='' keep='' dry=''
while [ $# -gt 0 ]; do
  case $1 in
    --tag) tag=$2; shift ;;
    --registry) registry=$2; shift ;;
    --claim) claim=$2; shift ;;
    --keep) keep=yes ;;
    --dry-run) dry=yes ;;
    *) echo "$0: unknown option $1; see the head of this file" >&2; exit 2 ;;
  esac
  shift
done

main() {
  step "a namespace, a claim and last night's export"
  prepare
  step "two builds, installed and trained side by side"
  install 152 good
  install 153 good
  await_site 152
  await_site 153
  step "each site serves its own build, and the identical upgrade is harmless"
  h test mlrelease-152 --logs
  h test mlrelease-153 --logs
  install 152 good
  refuses "another setting for build 152" "a build never changes" \
    mlrelease-152 helm/modelsystem "${build_values[@]}" \
    --set-string build.number=152 --set-string env.CSV_FOLDER=/mnt/azure/other
  step "all traffic to one build, to the other, and back; a Service refuses to split"
  route_by_service
  step "90/10 by HTTPRoute"
  route_by_gateway
  step "bad data fails the training at once, and the waiter has the reason"
  fail_on_bad_data
  step "a promotion is not undone by pods that start and end"
  promote_among_pods
  step "helm test reaches a site that only its clients may ask"
  test_behind_a_policy
  step "deploy names what can never come, with its exit code"
  name_what_cannot_come
  step "prune keeps what any route refers to, names a failure, and goes on after it"
  prune_builds
  step "the account of the nightly prune may do what it needs, and nothing else"
  check_rights
  step "the releases are uninstalled, the models stay"
  uninstall_all
  step "a training that is refused outranks a ready site"
  refuse_other_settings
  echo "${dry:+Dry run: }All steps passed."
}

step() { printf '\n== %s\n' "$*"; }
fail() { echo "FAILED: $*" >&2; exit 1; }

# kubectl and helm in the namespace: print the command, and run it unless this is a dry run.
k() {
  echo "+ kubectl $(quoted "$@")" >&2
  if [ -z "$dry" ]; then
    "$KUBECTL" --namespace "$NAMESPACE" "$@"
  elif [ "${*: -1}" = - ]; then
    cat >/dev/null # the manifest on standard input
  fi
}
h() {
  echo "+ helm $(quoted "$@")" >&2
  [ -n "$dry" ] || "$HELM" --namespace "$NAMESPACE" "$@"
}
# the release tool, with the same helm and kubectl.
tool() { PATH="$work:$PATH" "$RELEASE" "$@" --namespace "$NAMESPACE"; }

# ends CODE WORDS ARGUMENTS...: the release tool must end with this exit code and say these words.
ends() {
  local code=$1 words=$2 status=0 output
  shift 2
  echo "+ release $(quoted "$@")--namespace $NAMESPACE # must end with $code" >&2
  [ -z "$dry" ] || return 0
  output=$(tool "$@" 2>&1) || status=$?
  echo "$output"
  [ "$status" -eq "$code" ] || fail "exit code $status, not $code"
  [[ $output == *"$words"* ]] || fail "the output does not say: $words"
}
quoted() {
  local all
  printf -v all '%q ' "$@"
  [ -n "$dry" ] || all=${all:0:400}
  echo "$all"
}

# upgrade RELEASE CHART OPTIONS...: install or upgrade a release; a dry run renders it.
upgrade() {
  h upgrade --install "$@"
  [ -z "$dry" ] || "$HELM" template --namespace "$NAMESPACE" "$@" >/dev/null
}

# refuses WHAT WORDS RELEASE CHART OPTIONS...: Helm must refuse an upgrade with these words.
refuses() {
  local what=$1 words=$2 message
  shift 2
  echo "+ helm upgrade --install $(quoted "$@") # must be refused" >&2
  [ -z "$dry" ] || return 0
  if message=$("$HELM" --namespace "$NAMESPACE" upgrade --install "$@" 2>&1); then
    fail "$what was not refused"
  fi
  [[ $message == *"$words"* ]] || fail "$what was refused with another message: $message"
}

# until_so SECONDS WHAT COMMAND...: repeat the command until it succeeds.
until_so() {
  local seconds=$1 what=$2 end=$((SECONDS + $1))
  shift 2
  [ -z "$dry" ] || { echo "+ $(quoted "$@") # until it succeeds, for $seconds s" >&2; return 0; }
  until "$@"; do
    [ "$SECONDS" -lt "$end" ] || fail "timeout after $seconds s: $what"
    sleep 2
  done
}

build_values=(
  --set-string "image.repository=$registry/trainer,image.tag=$tag"
  --set-string "scoringimage.repository=$registry/scorer,scoringimage.tag=$tag"
  --set-string "waiterimage.repository=$registry/waiter,waiterimage.tag=$tag"
  --set-string env.PARAMETERS=method=cooccurrence
  --set "replicaCount=1,trainer.deadlineSeconds=600,networkPolicy.enabled=true"
  --set-json 'trainer.resources={"requests":{"cpu":"100m","memory":"256Mi"},"limits":{"cpu":"1","memory":"1Gi"}}'
  --set-json 'scorer.resources={"requests":{"cpu":"50m","memory":"128Mi"},"limits":{"cpu":"1","memory":"512Mi"}}'
)

install() { # install BUILD EXPORT
  upgrade "mlrelease-$1" helm/modelsystem "${build_values[@]}" \
    --set-string "build.number=$1" --set-string "env.CSV_FOLDER=/mnt/azure/e2e/$2"
}

# cut BUILD SETTINGS: make the artefact of a build as the pipeline does, and print its path.
cut() {
  local chart=$work/chart-$1-$RANDOM
  "$RELEASE" values --chart helm/modelsystem --into "$chart" --brief \
    "build.number='$1',env.CSV_FOLDER='/mnt/azure/e2e/good',$settings,$2" >&2
  "$RELEASE" package "$chart" --into "$chart" >&2
  [ -z "$dry" ] || "$HELM" template --namespace "$NAMESPACE" "mlrelease-$1" "$chart/$1.tar.gz" >/dev/null
  echo "$chart/$1.tar.gz"
}

prepare() {
  work=$(mktemp -d)
  ln -s "$(realpath "$(command -v "$HELM")")" "$work/helm"
  [ -n "$dry" ] || ln -s "$(realpath "$(command -v "$KUBECTL")")" "$work/kubectl"
  settings="image.repository='$registry/trainer',image.tag='$tag'"
  settings+=",scoringimage.repository='$registry/scorer',scoringimage.tag='$tag'"
  settings+=",waiterimage.repository='$registry/waiter',waiterimage.tag='$tag'"
  settings+=",env.PARAMETERS='method=cooccurrence',replicaCount=1,trainer.deadlineSeconds=600"
  settings+=",trainer.resources.requests.cpu='100m',trainer.resources.requests.memory='32Mi'"
  settings+=",scorer.resources.requests.cpu='50m',scorer.resources.requests.memory='128Mi'"
  k create namespace "$NAMESPACE"
  k label namespace "$NAMESPACE" pod-security.kubernetes.io/enforce=restricted
  trap clean_up EXIT
  if [ -n "$claim" ]; then
    k apply -f "$claim"
  else
    k apply -f - <<'YAML'
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: azurefilecustom}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
YAML
  fi
  on_the_claim export "
import pathlib, random
here = pathlib.Path('/mnt/azure/e2e')
draw = random.Random(1)
rows = [f'u{u},i{i},{1525000000 + draw.randrange(10**6)}\n'
        for u in range(300) for i in draw.sample(range(60), 8)]
for name, text in {'good': ''.join(rows), 'bad': 'u1\n'}.items():
    (here / name).mkdir(parents=True, exist_ok=True)
    (here / name / 'interactions.csv').write_text('user_id,item_id,timestamp\n' + text)
print('exports written')"
  # A client that no network policy of the builds knows.
  pod asker "import time; time.sleep(3600)"
  k wait pod/asker --for=condition=Ready --timeout=120s
}

on_the_claim() { # on_the_claim NAME PYTHON: run Python in a pod that mounts the claim
  pod "$@"
  until_so 180 "pod $1 to end" pod_ended "$1"
  k logs "pod/$1"
  [ -n "$dry" ] || [ "$(k get pod "$1" -o 'jsonpath={.status.phase}')" = Succeeded ] ||
    fail "pod $1 failed"
  k delete pod "$1" --wait=false
}

pod() { # pod NAME PYTHON: start a pod that mounts the claim and runs Python
  image=$registry/trainer:$tag python3 -c '
import json, os, sys
security = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]}}
print(json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": sys.argv[1]},
  "spec": {"restartPolicy": "Never", "automountServiceAccountToken": False,
    "securityContext": {"runAsNonRoot": True, "runAsUser": 10001, "runAsGroup": 10001,
                        "fsGroup": 10001, "seccompProfile": {"type": "RuntimeDefault"}},
    "containers": [{"name": "python", "image": os.environ["image"], "securityContext": security,
      "command": ["python", "-c", sys.argv[2]],
      "volumeMounts": [{"name": "models", "mountPath": "/mnt/azure"}]}],
    "volumes": [{"name": "models", "persistentVolumeClaim": {"claimName": "azurefilecustom"}}]}}))
' "$1" "$2" | k apply -f -
}

pod_ended() {
  local phase
  phase=$(k get pod "$1" -o 'jsonpath={.status.phase}' 2>/dev/null)
  [ "$phase" = Succeeded ] || [ "$phase" = Failed ]
}

await_site() { # watches for Complete and Failed: waiting for one alone would miss the other
  until_so 600 "training of build $1 to end" job_ended "trainingjob-$1"
  k logs "job/trainingjob-$1" --tail=5
  [ -n "$dry" ] || job_is "trainingjob-$1" Complete || fail "training of build $1 failed"
  k rollout status "deployment/scoring-deployment-$1" --timeout=300s
}

job_ended() { job_is "$1" Complete || job_is "$1" Failed; }
job_is() {
  [ "$("$KUBECTL" --namespace "$NAMESPACE" get job "$1" \
    -o "jsonpath={.status.conditions[?(@.type=='$2')].status}")" = True ]
}

# builds_behind URL COUNT: send COUNT requests, and count the builds that answered.
builds_behind() {
  "$KUBECTL" --namespace "$NAMESPACE" exec asker -- python -c "
import collections, sys, urllib.request
builds = collections.Counter()
for _ in range(int(sys.argv[2])):
    with urllib.request.urlopen(sys.argv[1], timeout=10) as answer:
        builds[answer.headers['X-Model-Build']] += 1
print(*(f'{build}={count}' for build, count in sorted(builds.items())))" "$1" "$2"
}
goes_only_to() { [ "$(builds_behind http://scoring/ 10 2>/dev/null)" = "$1=10" ]; }

route_by_service() {
  local build
  for build in 152 153 152; do
    upgrade modelsystem-routing helm/modelsystem-routing --set provider=service \
      --set-json "builds=[{\"number\":\"$build\",\"weight\":100}]"
    until_so 60 "all traffic to go to build $build" goes_only_to "$build"
  done
  refuses "a split by a Service" "provider service cannot split" \
    modelsystem-routing helm/modelsystem-routing --set provider=service \
    --set-json 'builds=[{"number":"152","weight":90},{"number":"153","weight":10}]'
  refuses "a build that is not installed" "install the build first" \
    modelsystem-routing helm/modelsystem-routing --set provider=service \
    --set-json 'builds=[{"number":"999","weight":100}]'
}

route_by_gateway() {
  local class
  class=$(k get gatewayclasses -o 'jsonpath={.items[0].metadata.name}' 2>/dev/null || true)
  [ -z "$dry" ] || class="dry-run"
  if [ -z "$class" ]; then
    echo "SKIPPED: the cluster has no GatewayClass"
    return
  fi
  k apply -f - <<YAML
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: e2e}
spec: {gatewayClassName: $class, listeners: [{name: http, port: 80, protocol: HTTP}]}
YAML
  k wait gateway/e2e --for=condition=Programmed --timeout=180s
  upgrade modelsystem-routing helm/modelsystem-routing --set provider=gateway \
    --set-json 'gateway.parentRefs=[{"name":"e2e"}]' \
    --set-json 'builds=[{"number":"152","weight":90},{"number":"153","weight":10}]'
  until_so 120 "traffic to be split 90/10" is_split
  until_so 10 "/metrics to be refused" is_closed
}
gateway_address() { k get gateway e2e -o 'jsonpath={.status.addresses[0].value}' 2>/dev/null; }
is_split() {
  local counts minor
  counts=$(builds_behind "http://$(gateway_address)/" 300 2>/dev/null) || return
  echo "  of 300 requests: $counts"
  minor=$(sed -nE 's/.*153=([0-9]+).*/\1/p' <<<"$counts")
  [ "${minor:-0}" -ge 10 ] && [ "$minor" -le 60 ] # 30 expected, five standard deviations are 26
}
is_closed() { ! builds_behind "http://$(gateway_address)/metrics" 1 2>/dev/null; }

fail_on_bad_data() {
  install 154 bad
  until_so 300 "training of build 154 to end" job_ended trainingjob-154
  [ -n "$dry" ] || job_is trainingjob-154 Failed || fail "bad data did not fail the Job"
  until_so 300 "the waiter of build 154 to have the reason" waiter_says "interactions.csv"
}
waiter_says() {
  k get pods -l version=154,app=scoring -o \
    'jsonpath={.items[*].status.initContainerStatuses[*].state.terminated.message} {.items[*].status.initContainerStatuses[*].lastState.terminated.message}' \
    2>/dev/null | grep -F "$1"
}

# The candidate's site grows, loses a pod and shrinks while the promotion holds its step.
promote_among_pods() {
  local site=deployment/scoring-deployment-153 promotion one
  echo 'p50_ms: {ceiling: 2000}
p99_ms: {ceiling: 5000}' >"$work/rules.yaml"
  ends 0 '"153": 100' route promote 153 --steps 100 --hold 60s --every 5s \
    --rules "$work/rules.yaml" --why e2e --output json &
  promotion=$!
  until_so 120 "the promotion to begin" is_promoted
  k scale "$site" --replicas=2
  k rollout status "$site" --timeout=120s
  one=$(k get pods -l version=153,app=scoring -o 'jsonpath={.items[0].metadata.name}')
  k delete pod "${one:-one}" --wait=false
  k rollout status "$site" --timeout=120s
  k scale "$site" --replicas=1
  wait "$promotion" || fail "the promotion was undone"
}

is_promoted() { tool route show --output json 2>/dev/null | grep -q '"153": 100'; }

# A policy knows the address of the test's pod only some time after its start.
test_behind_a_policy() {
  local artefact
  artefact=$(cut 155 "networkPolicy.enabled=true,networkPolicy.from=[{podSelector: {matchLabels: {app: client}}}]")
  ends 0 "build 155 is ready" deploy "$artefact"
  for _ in 1 2 3 4 5; do h test mlrelease-155; done
}

name_what_cannot_come() {
  local artefact
  artefact=$(cut 156 "serviceAccount.create=false,serviceAccount.name='absent'")
  ends 6 'serviceaccount "absent" not found' deploy "$artefact" --patience 10
  artefact=$(cut 157 "trainer.resources.limits.memory='64Mi',trainer.backoffLimit=0")
  ends 3 "killed for memory at 64Mi (trainer.resources.limits.memory)" deploy "$artefact"
  h uninstall mlrelease-156 mlrelease-157 --wait
  artefact=$(cut 158 "modelCache.sizeLimit='8Ki'")
  ends 6 "MODELCACHE_LIMIT is 8,192 bytes" deploy "$artefact"
}

# Build 155 gets requests from a Service that no release made, build 158 from nothing.
prune_builds() {
  k apply -f - <<'YAML'
apiVersion: v1
kind: Service
metadata: {name: main}
spec: {selector: {version: "155"}, ports: [{port: 80, targetPort: 3000}]}
YAML
  on_the_claim stray "
import pathlib
pathlib.Path('/mnt/azure/158/notes.txt').write_text('mine')"
  ends 5 "holds notes.txt" prune --keep 0 --days 0
  on_the_claim tidy "
import pathlib
pathlib.Path('/mnt/azure/158/notes.txt').unlink()"
  ends 0 "gets requests from Service main" prune --keep 0 --days 0
  [ -z "$(h list --filter '^mlrelease-158$' --short)" ] || fail "build 158 is still installed"
}

# may VERB RESOURCE..., may_not VERB RESOURCE...: whether the account of the CronJob has a right.
account=system:serviceaccount:$NAMESPACE:scoring-prune
may() { k auth can-i "$@" --as "$account" || fail "the prune account may not $*"; }
may_not() {
  if k auth can-i "$@" --as "$account" && [ -z "$dry" ]; then
    fail "the prune account may $*"
  fi
}

check_rights() {
  upgrade modelsystem-routing helm/modelsystem-routing --set provider=service \
    --set-json 'builds=[{"number":"152","weight":100}]' --set prune.enabled=true \
    --set-string "prune.image.repository=$registry/release,prune.image.tag=$tag"
  may list services
  may list ingresses.networking.k8s.io
  may list secrets
  may delete secrets
  may patch deployments.apps --subresource=scale
  may create jobs.batch
  may get pods --subresource=log
  may delete deployments.apps
  may delete networkpolicies.networking.k8s.io
  may_not create pods
  may_not create pods --subresource=exec
  may_not patch deployments.apps
  may_not create secrets
  may_not delete persistentvolumeclaims
  may_not list nodes
}

# The folder of build 152 is complete, made with other settings.
refuse_other_settings() {
  local artefact
  artefact=$(cut 152 "env.NEIGHBOURS='7'")
  ends 3 "NEIGHBOURS is '7'" deploy "$artefact"
  h uninstall mlrelease-152 --wait
}

uninstall_all() {
  h uninstall modelsystem-routing mlrelease-152 mlrelease-153 mlrelease-154 mlrelease-155 --wait
  on_the_claim look "
import pathlib
for build in ('152', '153'):
    print(build, (pathlib.Path('/mnt/azure') / build / 'complete.txt').read_text().splitlines()[0])"
}

clean_up() {
  local status=$?
  rm -rf "$work"
  if [ -n "$keep" ]; then
    echo "kept: namespace $NAMESPACE"
  else
    [ "$status" -eq 0 ] || k get pods,jobs,deployments -o wide || true
    k delete namespace "$NAMESPACE" --wait=false || true
  fi
  exit "$status"
}

main
