{{/*
Checks that a schema cannot make. Every message is "key: fault; cure". Takes the root; renders nothing.
*/}}
{{- define "routing.checks" -}}
{{- $known := list -}}
{{- $total := 0 -}}
{{- range .Values.builds -}}
{{- $number := include "modelsystem.text" (dict "key" "builds[].number" "value" .number) -}}
{{- if has $number $known -}}{{- fail (printf "builds: build %s is listed twice; list it once, with the sum of its weights" $number) -}}{{- end -}}
{{- if or (kindIs "string" .weight) (ne (float64 .weight) (floor .weight)) -}}
{{- fail (printf "builds: the weight of build %s is %v; write a whole number of per cent" $number .weight) -}}
{{- end -}}
{{- $known = append $known $number -}}
{{- $total = add $total (int .weight) -}}
{{- end -}}
{{- if ne (int $total) 100 -}}
{{- fail (printf "builds: the weights add up to %d; make them add up to 100" (int $total)) -}}
{{- end -}}
{{- include "routing.checkTargets" (dict "root" . "known" $known) -}}
{{- include "routing.checkProvider" . -}}
{{- include "routing.checkPaths" . -}}
{{- include "routing.checkPrune" . -}}
{{- if include "modelsystem.isLive" . -}}{{- include "routing.checkCluster" . -}}{{- end -}}
{{- end }}

{{- define "routing.checkTargets" -}}
{{- $targets := list -}}
{{- range $i, $tester := .root.Values.testers -}}
{{- $targets = append $targets (list (printf "testers[%d].build" $i) $tester.build) -}}
{{- end -}}
{{- with .root.Values.mirror.build -}}{{- $targets = append $targets (list "mirror.build" .) -}}{{- end -}}
{{- range $targets -}}
{{- $number := include "modelsystem.text" (dict "key" (first .) "value" (last .)) -}}
{{- if not (has $number $.known) -}}
{{- fail (printf "%s: build %s is not among builds; list it there, with weight 0 if it should get no other traffic" (first .) $number) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "routing.checkProvider" -}}
{{- $values := .Values -}}
{{- if eq $values.provider "service" -}}
{{- range $values.builds -}}
{{- if and (gt (int .weight) 0) (lt (int .weight) 100) -}}
{{- fail (printf "builds: provider service cannot split traffic, but build %s has weight %d; give one build weight 100, or use provider gateway or istio" (include "modelsystem.text" (dict "key" "builds[].number" "value" .number)) (int .weight)) -}}
{{- end -}}
{{- end -}}
{{- range $key, $used := dict "testers" $values.testers "mirror.build" $values.mirror.build "sticky.enabled" $values.sticky.enabled -}}
{{- if $used -}}
{{- fail (printf "%s: provider service cannot do this, since a Service does not read requests; remove it, or use provider gateway or istio" $key) -}}
{{- end -}}
{{- end -}}
{{- else if and (eq $values.provider "gateway") (not $values.gateway.parentRefs) -}}
{{- fail "gateway.parentRefs: it is empty, so no Gateway would use the route; name the Gateway, for example [{name: public, namespace: gateways}]" -}}
{{- else if and (eq $values.provider "istio") $values.istio.gateways (not $values.hostnames) -}}
{{- fail "hostnames: it is empty, but istio.gateways serve only the host names that a route lists; list them" -}}
{{- end -}}
{{- end }}

{{- define "routing.checkPrune" -}}
{{- if .Values.prune.enabled -}}
{{- if not .Values.prune.image.repository -}}
{{- fail "prune.image.repository: it is not set, but the CronJob runs the release tool in it; make the image by `make release-image`, push it, and name it here" -}}
{{- end -}}
{{- if not (or .Values.prune.image.tag .Values.prune.image.digest) -}}
{{- fail "prune.image.tag: neither it nor prune.image.digest is set; set one, so that the same tool runs every night" -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "routing.checkPaths" -}}
{{- range $path := .Values.paths -}}
{{- range $closed := list "/metrics" "/readyz" "/v1/evaluation" -}}
{{- if or (hasPrefix $path $closed) (hasPrefix $closed $path) -}}
{{- fail (printf "paths: %s would make %s public; remove it, or list the public paths below it one by one" $path $closed) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if eq .Values.provider "gateway" -}}
{{- $rules := include "routing.rules" . | fromJsonArray | len -}}
{{- $matches := mul $rules (add 1 (len .Values.paths)) -}}
{{- if or (gt $rules 16) (gt (int $matches) 128) -}}
{{- fail (printf "testers: with sticky.enabled the route has %d rules and %d matches, but the Gateway API allows 16 and 128; remove testers, builds or paths" $rules (int $matches)) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "routing.checkCluster" -}}
{{- range .Values.builds -}}
{{- $service := include "routing.build" (dict "root" $ "build" .number "prefix" "scoring-") -}}
{{- if not (lookup "v1" "Service" $.Release.Namespace $service) -}}
{{- fail (printf "builds: build %s has no Service %s in namespace %s; install the build first, or remove it from builds" (include "modelsystem.text" (dict "key" "builds[].number" "value" .number)) $service $.Release.Namespace) -}}
{{- end -}}
{{- end -}}
{{- if and (eq .Values.provider "gateway") .Values.mirror.build -}}{{- include "routing.checkMirror" . -}}{{- end -}}
{{- end }}

{{/* A Gateway that cannot mirror accepts the route, and answers every request with 500. */}}
{{- define "routing.checkMirror" -}}
{{- $needed := ternary "HTTPRouteRequestMirror" "HTTPRouteRequestPercentageMirror" (eq (int .Values.mirror.percent) 100) -}}
{{- range .Values.gateway.parentRefs -}}
{{- $gateway := lookup "gateway.networking.k8s.io/v1" "Gateway" (.namespace | default $.Release.Namespace) .name -}}
{{- if $gateway -}}
{{- $class := lookup "gateway.networking.k8s.io/v1" "GatewayClass" "" $gateway.spec.gatewayClassName -}}
{{- $features := list -}}
{{- range dig "status" "supportedFeatures" list $class -}}
{{- $features = append $features (kindIs "map" . | ternary (get (kindIs "map" . | ternary . dict) "name") .) -}}
{{- end -}}
{{- if not (has $needed $features) -}}
{{- fail (printf "mirror.build: GatewayClass %s does not list %s in status.supportedFeatures, so that Gateway %s might answer every request with an error; remove the mirror, or use another Gateway" $gateway.spec.gatewayClassName $needed .name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end }}
