{{/* Egress to name servers, wherever they are: a node-local cache is in no namespace. */}}
{{- define "modelsystem.dns" -}}
- ports:
    - {port: 53, protocol: UDP}
    - {port: 53, protocol: TCP}
{{- end }}

{{/* The port of a URL where it is another than 443, else nothing. */}}
{{- define "modelsystem.otherPort" -}}
{{- $url := urlParse . -}}
{{- $given := regexFind ":[0-9]+$" $url.host | trimPrefix ":" -}}
{{- $port := $given | default (ternary "80" "443" (eq $url.scheme "http")) -}}
{{- if ne $port "443" -}}{{- $port -}}{{- end -}}
{{- end }}
