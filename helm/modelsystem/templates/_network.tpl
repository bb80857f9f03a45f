{{/* Egress to name servers in any place: a node-local cache is in no namespace. */}}
{{- define "modelsystem.dns" -}}
- ports:
    - {port: 53, protocol: UDP}
    - {port: 53, protocol: TCP}
{{- end }}

{{/* Port of a URL; empty if it is 443. */}}
{{- define "modelsystem.otherPort" -}}
{{- $url := urlParse . -}}
{{- $explicit := regexFind ":[0-9]+$" $url.host | trimPrefix ":" -}}
{{- $port := $explicit | default (ternary "80" "443" (eq $url.scheme "http")) -}}
{{- if ne $port "443" -}}{{- $port -}}{{- end -}}
{{- end }}
