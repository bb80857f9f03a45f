{{/*
Values that were set to null: Helm removes them, and their sections. Every template begins with
routing.prepare, so that no other part of the chart meets a missing section. Takes the root.
*/}}
{{- define "routing.prepare" -}}
{{- $_ := merge .Values (include "routing.empties" . | fromYaml) -}}
{{- range include "routing.needed" . | fromYamlArray -}}
{{- $value := $.Values -}}
{{- range splitList "." . -}}{{- $value = index $value . -}}{{- end -}}
{{- if kindIs "invalid" $value -}}
{{- fail (printf "%s: it is null, but must have a value; remove the null for the chart's default, or set a value" .) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* What a section or a field is when it was removed: empty. */}}
{{- define "routing.empties" -}}
builds: []
testers: []
mirror: {}
sticky: {}
paths: []
hostnames: []
gateway: {parentRefs: []}
istio: {gateways: []}
prune: {image: {}}
alerts: {labels: {}}
dashboard: {labels: {}, annotations: {}}
labels: {}
annotations: {}
{{- end }}

{{/* Values that nothing can stand in for. A switch is one of them: null is neither on nor off. */}}
{{- define "routing.needed" -}}
- provider
- sticky.enabled
- prune.enabled
{{- if get .Values.prune "enabled" }}
- prune.schedule
- prune.keep
- prune.days
- prune.dryRun
{{- end }}
- alerts.enabled
- dashboard.enabled
{{- if get .Values.alerts "enabled" }}
{{- range list "runbook" "readyBy" "nights" "errors" "seconds" "slow" "claim" "room" }}
- alerts.{{ . }}
{{- end }}
{{- end }}
{{- if get .Values.mirror "build" }}
- mirror.percent
{{- end }}
{{- if get .Values.sticky "enabled" }}
- sticky.header
{{- end }}
{{- end }}
