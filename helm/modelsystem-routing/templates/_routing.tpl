{{/* Parts that the templates share. Each takes the root unless it says otherwise. */}}

{{- define "routing.tenant" -}}
{{- include "modelsystem.text" (dict "key" "tenant" "value" .Values.tenant) -}}
{{- end }}

{{- define "routing.name" -}}
{{- $tenant := include "routing.tenant" . -}}
{{- $name := "scoring" -}}
{{- if $tenant -}}{{- $name = include "modelsystem.name" (dict "prefix" "scoring-" "build" $tenant "tenant" "") -}}{{- end -}}
{{- .Values.name | default $name -}}
{{- end }}

{{- define "routing.metadata" -}}
{{- include "routing.metadataOf" (dict "root" . "name" (include "routing.name" .)) -}}
{{- end }}

{{/* Metadata of an object: dict "root" <root> "name" <name> "labels" <more> "annotations" <more> */}}
{{- define "routing.metadataOf" -}}
{{- $values := .root.Values -}}
{{- $own := dict "app.kubernetes.io/name" "modelsystem-routing" "app.kubernetes.io/instance" .root.Release.Name "app.kubernetes.io/managed-by" .root.Release.Service "app.kubernetes.io/part-of" "modelsystem" -}}
name: {{ .name }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "modelsystem.strings" (mergeOverwrite dict (.labels | default dict) $values.labels $own) | nindent 2 }}
{{- with mergeOverwrite dict (.annotations | default dict) $values.annotations }}
annotations:
  {{- include "modelsystem.strings" . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Name of a build's object: dict "root" <root> "build" <number> "prefix" <text> */}}
{{- define "routing.build" -}}
{{- $build := include "modelsystem.text" (dict "key" "builds[].number" "value" .build) -}}
{{- include "modelsystem.name" (dict "prefix" .prefix "build" $build "tenant" (include "routing.tenant" .root)) -}}
{{- end }}

{{/* Selector of the pods of all builds of the tenant, or of all builds without one. */}}
{{- define "routing.selector" -}}
{{- $tenant := include "routing.tenant" . -}}
app.kubernetes.io/name: modelsystem
app.kubernetes.io/component: scorer
{{- if $tenant }}
modelsystem/tenant: {{ include "modelsystem.name" (dict "prefix" "" "build" $tenant "tenant" "") | quote }}
{{- else }}
modelsystem/tenant: ""
{{- end }}
{{- end }}

{{/*
The rules as JSON, of which the first match decides: a list of {"header", "value" or "pattern",
"builds"}; the last one has no header. Each provider's template renders them in its own form.
*/}}
{{- define "routing.rules" -}}
{{- $rules := list -}}
{{- range .Values.testers -}}
{{- $to := list (dict "number" .build "weight" 100) -}}
{{- $value := include "modelsystem.text" (dict "key" "testers[].value" "value" .value) -}}
{{- $rules = append $rules (dict "header" .header "value" $value "builds" $to) -}}
{{- end -}}
{{- $shares := list -}}
{{- $from := 0 -}}
{{- range .Values.builds -}}
{{- if gt (int .weight) 0 -}}
{{- $shares = append $shares . -}}
{{- $until := add $from (int .weight) | int -}}
{{- if $.Values.sticky.enabled -}}
{{- $pattern := printf "^(%s)$" (include "routing.buckets" (list $from $until)) -}}
{{- $to := list (dict "number" .number "weight" 100) -}}
{{- $rules = append $rules (dict "header" $.Values.sticky.header "pattern" $pattern "builds" $to) -}}
{{- end -}}
{{- $from = $until -}}
{{- end -}}
{{- end -}}
{{- append $rules (dict "builds" $shares) | toJson -}}
{{- end }}

{{/* Pattern of the two-digit numbers from the first item of a list to below the second. */}}
{{- define "routing.buckets" -}}
{{- $all := list -}}
{{- range $ten := untilStep 0 100 10 -}}
{{- $low := max (first $) $ten -}}
{{- $high := min (sub (last $) 1) (add $ten 9) -}}
{{- if le $low $high -}}
{{- $all = append $all (printf "%d[%d-%d]" (div $ten 10) (mod $low 10) (mod $high 10)) -}}
{{- end -}}
{{- end -}}
{{- join "|" $all -}}
{{- end }}
