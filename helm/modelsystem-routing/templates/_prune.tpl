{{/* Parts of the retention's objects. Each takes the root unless it says otherwise. */}}

{{- define "routing.pruneName" -}}
{{- include "modelsystem.name" (dict "prefix" "" "build" (printf "%s-prune" (include "routing.name" .)) "tenant" "") -}}
{{- end }}

{{- define "routing.pruneLabels" -}}
{{- $own := dict "app.kubernetes.io/name" "modelsystem-prune" "app.kubernetes.io/component" "prune" "app.kubernetes.io/instance" .Release.Name "app.kubernetes.io/managed-by" .Release.Service "app.kubernetes.io/part-of" "modelsystem" -}}
{{- include "modelsystem.strings" (mergeOverwrite dict .Values.labels $own) -}}
{{- end }}

{{- define "routing.pruneMetadata" -}}
name: {{ include "routing.pruneName" . }}
namespace: {{ .Release.Namespace }}
labels:
  {{- include "routing.pruneLabels" . | nindent 2 }}
{{- end }}

{{- define "routing.pruneImage" -}}
{{- $image := .Values.prune.image -}}
{{- $tag := include "modelsystem.text" (dict "key" "prune.image.tag" "value" $image.tag) -}}
{{- $image.repository }}{{ if $image.digest }}@{{ $image.digest }}{{ else }}:{{ $tag }}{{ end -}}
{{- end }}
