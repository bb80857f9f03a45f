{{/*
Names of builds and text of values. Both charts have this file, byte by byte the same: a route finds
a build by computing its name again. modelsystem_release.naming computes it, too.
*/}}

{{/*
Text of a value that is text or a whole number. Other values are refused: a float has lost digits
(20180523.10 is 20180523.1), and true may have been "on".
  dict "key" <key of the value> "value" <value>
*/}}
{{- define "modelsystem.text" -}}
{{- $cure := "write it in quotes, such as \"20180523.10\"" -}}
{{- if kindIs "string" .value -}}
{{- .value -}}
{{- else if kindIs "invalid" .value -}}
{{- else if or (kindIs "int" .value) (kindIs "int64" .value) -}}
{{- printf "%d" .value -}}
{{- else if kindIs "float64" .value -}}
{{- if or (ne (floor .value) .value) (gt .value 9007199254740991.0) (lt .value -9007199254740991.0) -}}
{{- fail (printf "%s: without quotes it is the number %s, which has lost digits; %s" .key (toJson .value) $cure) -}}
{{- end -}}
{{- printf "%.0f" .value -}}
{{- else -}}
{{- fail (printf "%s: without quotes it is a %s, not text; %s" .key (kindOf .value) $cure) -}}
{{- end -}}
{{- end }}

{{/* A mapping of text to text, as YAML that stays text. */}}
{{- define "modelsystem.strings" -}}
{{- $lines := list -}}
{{- range $key, $value := . -}}
{{- $text := include "modelsystem.text" (dict "key" $key "value" $value) -}}
{{- $lines = append $lines (printf "%s: %s" $key (quote $text)) -}}
{{- end -}}
{{- join "\n" $lines -}}
{{- end }}

{{/*
DNS label of a build, and of its tenant if it has one. Dots become dashes. A name with any other
change, or cut at 63 characters, ends in a hash of the original.
  dict "prefix" <such as "scoring-"> "build" <text> "tenant" <text>
*/}}
{{- define "modelsystem.name" -}}
{{- $raw := .build -}}
{{- if .tenant -}}{{- $raw = printf "%s-%s" .build .tenant -}}{{- end -}}
{{- $plain := printf "%s%s" .prefix (replace "." "-" $raw) -}}
{{- if and (le (len $plain) 63) (regexMatch "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$" $plain) -}}
{{- $plain -}}
{{- else -}}
{{- $mended := regexReplaceAll "[^a-z0-9]+" (lower $raw) "-" | trimAll "-" -}}
{{- $room := int (sub 54 (len .prefix)) -}}
{{- $cut := trunc $room $mended | trimSuffix "-" -}}
{{- printf "%s%s" .prefix (list $cut (sha256sum $raw | trunc 8) | compact | join "-") -}}
{{- end -}}
{{- end }}

{{/*
"true" with a cluster, "" without one, as in `helm template`. Only with a cluster does an empty lookup
mean that an object does not exist.
*/}}
{{- define "modelsystem.isLive" -}}
{{- if lookup "v1" "ServiceAccount" .Release.Namespace "default" -}}true{{- end -}}
{{- end }}
