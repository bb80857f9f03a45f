{{/* Parts of the alerts' queries. Each takes the root unless it says otherwise. */}}

{{/* Matchers of the gauges of a model: those of this release's tenant. */}}
{{- define "routing.ofTenant" -}}
namespace={{ quote .Release.Namespace }},tenant={{ include "routing.tenant" . | quote }}
{{- end }}

{{/* The builds that get traffic, as what an alert is joined with. */}}
{{- define "routing.routed" -}}
on (namespace, version) (modelsystem:routing_weight{ {{- include "routing.ofTenant" . -}} } > 0)
{{- end }}

{{/* Matchers of the users' requests: probes and the gate have their own routes. */}}
{{- define "routing.ofUsers" -}}
namespace={{ quote .Release.Namespace }},route!~"/healthz|/readyz|/metrics|/v1/evaluation.*"
{{- end }}

{{/* Rate of a counter by build: list <root> <name> <more matchers, after a comma> <window> */}}
{{- define "routing.rate" -}}
sum by (namespace, version) (rate({{ index . 1 }}{ {{- include "routing.ofUsers" (first .) }}{{ index . 2 -}} }[{{ index . 3 }}]))
{{- end }}

{{/*
Routed builds that use up their budget of bad requests too fast: by 14.4 times for an hour, or by 6
times for six hours, and still do (Google's SRE workbook, chapter 5).
  dict "root" <root> "ratio" <template of the share of bad requests> "budget" <per cent>
*/}}
{{- define "routing.burning" -}}
(
{{- range $i, $rate := list (list "14.4" "1h" "5m") (list "6" "6h" "30m") }}
{{ if $i }}  or {{ else }}  {{ end }}(
{{- range $j, $window := rest $rate }}
    {{ if $j }}and {{ end }}{{ include $.ratio (list $.root $window) }} > {{ first $rate }} * {{ $.budget }} / 100
{{- end }}
  )
{{- end }}
) and {{ include "routing.routed" .root }}
{{- end }}

{{/* Share of the requests that failed: list <root> <window> */}}
{{- define "routing.failed" -}}
{{ include "routing.rate" (list (first .) "modelsystem_scorer_requests_total" ",status=~\"5..\"" (last .)) }} / {{ include "routing.rate" (list (first .) "modelsystem_scorer_requests_total" "" (last .)) }}
{{- end }}

{{/* Share of the requests that took too long: list <root> <window> */}}
{{- define "routing.slow" -}}
{{- $fast := printf ",le=%q" (toString (first .).Values.alerts.seconds) -}}
1 - {{ include "routing.rate" (list (first .) "modelsystem_scorer_request_seconds_bucket" $fast (last .)) }} / {{ include "routing.rate" (list (first .) "modelsystem_scorer_request_seconds_count" "" (last .)) }}
{{- end }}

{{/* Labels and annotations of an alert: dict "root" <root> "alert" <name> "severity" <word> "summary" <text> */}}
{{- define "routing.alert" -}}
labels: {severity: {{ .severity }}}
annotations:
  summary: {{ quote .summary }}
  runbook_url: {{ printf "%s#%s" .root.Values.alerts.runbook (lower .alert) | quote }}
{{- end }}
