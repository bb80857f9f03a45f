{{/* Names, labels and annotations of a build. Each takes the root unless it says otherwise. */}}

{{- define "modelsystem.build" -}}
{{- $build := include "modelsystem.text" (dict "key" "build.number" "value" .Values.build.number) -}}
{{- if not $build -}}
{{- fail "build.number: it is not set, but every object is named after it; set it, for example by --set-string build.number=20180523.10" -}}
{{- end -}}
{{- $build -}}
{{- end }}

{{- define "modelsystem.tenant" -}}
{{- include "modelsystem.text" (dict "key" "env.TENANTID" "value" .Values.env.TENANTID) -}}
{{- end }}

{{/* The label by which routes select the pods of a build and its tenant. */}}
{{- define "modelsystem.version" -}}
{{- include "modelsystem.named" (list . "") -}}
{{- end }}

{{/* Name of an object: list <root> <prefix> */}}
{{- define "modelsystem.named" -}}
{{- $root := first . -}}
{{- $build := include "modelsystem.build" $root -}}
{{- $tenant := include "modelsystem.tenant" $root -}}
{{- include "modelsystem.name" (dict "prefix" (last .) "build" $build "tenant" $tenant) -}}
{{- end }}

{{- define "modelsystem.job" -}}{{- include "modelsystem.named" (list . "trainingjob-") -}}{{- end }}
{{- define "modelsystem.deployment" -}}{{- include "modelsystem.named" (list . "scoring-deployment-") -}}{{- end }}
{{- define "modelsystem.service" -}}{{- include "modelsystem.named" (list . "scoring-") -}}{{- end }}

{{- define "modelsystem.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (include "modelsystem.named" (list . "modelsystem-")) -}}
{{- end }}

{{/* Name of the Secret with the storage account's key; empty if the Job needs none. */}}
{{- define "modelsystem.secret" -}}
{{- if .Values.storage.existingSecret -}}
{{- .Values.storage.existingSecret -}}
{{- else if .Values.env.BLOB_STORAGE_KEY -}}
{{- include "modelsystem.named" (list . "storage-") -}}
{{- end -}}
{{- end }}

{{/* The model folder. Builds of the same number of several tenants have different ones. */}}
{{- define "modelsystem.modelFolder" -}}
{{- $folder := list (trimSuffix "/" .Values.outputs.mountpath) -}}
{{- $tenant := include "modelsystem.tenant" . -}}
{{- if $tenant -}}{{- $folder = append $folder (include "modelsystem.pathPart" $tenant) -}}{{- end -}}
{{- $folder = append $folder (include "modelsystem.pathPart" (include "modelsystem.build" .)) -}}
{{- .Values.outputs.modelfolder | default (join "/" $folder) -}}
{{- end }}

{{/* Text as the name of a folder. SMB ignores case and forbids many characters. */}}
{{- define "modelsystem.pathPart" -}}
{{- if regexMatch "^[a-z0-9]([-_.a-z0-9]*[a-z0-9])?$" . -}}
{{- . -}}
{{- else -}}
{{- include "modelsystem.name" (dict "prefix" "" "build" . "tenant" "") -}}
{{- end -}}
{{- end }}

{{/* Selector of the pods of one component: dict "root" <root> "component" <name> */}}
{{- define "modelsystem.selector" -}}
app.kubernetes.io/name: modelsystem
app.kubernetes.io/component: {{ .component }}
version: {{ include "modelsystem.version" .root | quote }}
{{- end }}

{{/* Labels of an object or a pod: the same dict, and "more" <labels> */}}
{{- define "modelsystem.labels" -}}
{{- $tenant := include "modelsystem.tenant" .root -}}
{{- $own := include "modelsystem.selector" . | fromYaml -}}
{{- $_ := set $own "app" (get (dict "scorer" "scoring" "trainer" "training") .component | default .component) -}}
{{- $_ := set $own "app.kubernetes.io/instance" .root.Release.Name -}}
{{- $_ := set $own "app.kubernetes.io/managed-by" .root.Release.Service -}}
{{- $_ := set $own "app.kubernetes.io/part-of" "modelsystem" -}}
{{- $_ := set $own "modelsystem/tenant" "" -}}
{{- if $tenant -}}
{{- $_ := set $own "modelsystem/tenant" (include "modelsystem.name" (dict "prefix" "" "build" $tenant "tenant" "")) -}}
{{- end -}}
{{- include "modelsystem.strings" (mergeOverwrite dict (.more | default dict) .root.Values.labels $own) -}}
{{- end }}

{{/* Metadata of an object: dict "root" <root> "component" <name> "name" <name> "annotations" <more> "more" <labels> */}}
{{- define "modelsystem.metadata" -}}
name: {{ .name }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "modelsystem.labels" . | nindent 2 }}
annotations:
  {{- include "modelsystem.annotations" . | nindent 2 }}
{{- end }}

{{/* Annotations of an object: build and tenant as they were given, which labels cannot hold. */}}
{{- define "modelsystem.annotations" -}}
{{- $own := dict "modelsystem/build" (include "modelsystem.build" .root) -}}
{{- $tenant := include "modelsystem.tenant" .root -}}
{{- if $tenant -}}{{- $_ := set $own "modelsystem/tenant" $tenant -}}{{- end -}}
{{- include "modelsystem.strings" (mergeOverwrite dict (.annotations | default dict) .root.Values.annotations $own) -}}
{{- end }}

{{/* An image: dict "root" <root> "key" <its section in the values> */}}
{{- define "modelsystem.image" -}}
{{- $image := get .root.Values .key -}}
{{- $tag := include "modelsystem.text" (dict "key" (printf "%s.tag" .key) "value" $image.tag) -}}
{{- $tag = $tag | default (include "modelsystem.build" .root) -}}
{{- if not (regexMatch "^[A-Za-z0-9_][-.A-Za-z0-9_]{0,127}$" $tag) -}}
{{- fail (printf "%s.tag: %q is not a valid tag (at most 128 letters, digits, _ . -); set %s.tag to the tag of the pushed image" .key $tag .key) -}}
{{- end -}}
image: {{ printf "%s:%s%s" $image.repository $tag (empty $image.digest | ternary "" (printf "@%s" $image.digest)) | quote }}
{{- with $image.pullPolicy }}
imagePullPolicy: {{ . }}
{{- end }}
{{- end }}
