{{/*
Names of builds and text of values. modelsystem and modelsystem-routing hold this file in common,
byte by byte: a route finds a build by computing its name again.
*/}}

{{/*
Text of a value that is text or a whole number. A float has lost digits (20180523.10 is 20180523.1)
and true may have been "on": both are refused.
  dict "key" <its key> "value" <it>
*/}}
{{- define "modelsystem.text" -}}
{{- $cure := printf "%s: write it in quotes, such as \"20180523.10\"" .key -}}
{{- if kindIs "string" .value -}}
{{- .value -}}
{{- else if kindIs "invalid" .value -}}
{{- else if or (kindIs "int" .value) (kindIs "int64" .value) -}}
{{- printf "%d" .value -}}
{{- else if kindIs "float64" .value -}}
{{- if or (ne (floor .value) .value) (gt .value 9007199254740991.0) (lt .value -9007199254740991.0) -}}
{{- fail (printf "%s; without them it is the number %s, which has lost digits" $cure (toJson .value)) -}}
{{- end -}}
{{- printf "%.0f" .value -}}
{{- else -}}
{{- fail (printf "%s; without them it is a %s, not text" $cure (kindOf .value)) -}}
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
A DNS label of a build, and of its tenant if it has one. Dots become dashes without a mark;
whatever else had to be altered, or cut at 63 characters, ends in a hash of the original.
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
"true" where a cluster answers, "" where none does, as in `helm template`: only then may it be
concluded from an empty lookup that something is not there.
*/}}
{{- define "modelsystem.isLive" -}}
{{- if lookup "v1" "ServiceAccount" .Release.Namespace "default" -}}true{{- end -}}
{{- end }}
