{{/*
Labels and annotations of an alert.
  dict "root" <root> "alert" <name> "severity" <word> "summary" <text with %s for the build>
*/}}
{{- define "modelsystem.alert" -}}
{{- $build := include "modelsystem.build" .root -}}
labels:
  severity: {{ .severity }}
  build: {{ quote $build }}
  tenant: {{ include "modelsystem.tenant" .root | quote }}
annotations:
  summary: {{ printf .summary $build | quote }}
  runbook_url: {{ printf "%s#%s" .root.Values.alerts.runbook (lower .alert) | quote }}
{{- end }}
