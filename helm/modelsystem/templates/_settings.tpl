{{/* Settings of the programs, as environment variables. */}}

{{/* The settings in `env` that each program reads; a test compares them with the programs. */}}
{{- define "modelsystem.reads" -}}
trainer: [LOG_FORMAT, TENANTID, CSV_FOLDER, BLOB_STORAGE_ACCOUNT, BLOB_STORAGE_CONTAINER,
  BLOB_STORAGE_CSV_FOLDER, BLOB_STORAGE_ENDPOINT, CSV_COLUMNS, MAX_BAD_ROWS, DATA_RULES, NEIGHBOURS,
  PARAMETERS, METHOD, HISTORIES, CHAMPIONFOLDER, ENGINE, SPARK_REMOTE, SPARK_MASTER, THREADS, MEMORY_LIMIT,
  GIT_COMMIT, STARTED_BY, TRACEPARENT, SIGNING_KEY_VAULT, OPENLINEAGE_URL]
waiter: [LOG_FORMAT, TENANTID, WAIT_INTERVAL, VERIFY_TIMEOUT, STALE_TIMEOUT, PUSHGATEWAY_URL]
scorer: [LOG_FORMAT, TENANTID, HOST, WORKERS, ACCESS_LOG, EVALUATION_ENDPOINT]
{{- end }}

{{/* The settings that the chart sets itself, and from which value. */}}
{{- define "modelsystem.derived" -}}
MODELFOLDER: set outputs.modelfolder instead
BUILDNUMBER: set build.number instead
WAIT_TIMEOUT: set trainer.deadlineSeconds instead; all deadlines follow from it
MODELCACHE: set modelCache.enabled instead
MODELCACHE_LIMIT: set modelCache.sizeLimit instead
SIGNING_KEY_FILE: set signing.existingSecret instead
TRUSTED_KEYS: set signing.trustedKeys instead
DRAIN_SECONDS: set scorer.drainSeconds instead
PORT: remove it; the container's port is always 3000 and the Service's 80
NAMESPACE: remove it; it is the release's namespace
JOB_COMPLETION_INDEX: set trainer.parallelism instead; Kubernetes numbers the Job's pods
{{- end }}

{{/* Number of the Job's pods. */}}
{{- define "modelsystem.trainers" -}}
{{- kindIs "invalid" .Values.trainer.parallelism | ternary 1 .Values.trainer.parallelism -}}
{{- end }}

{{/* Deadline of the waiter in seconds: it outlives the training and copies the model. */}}
{{- define "modelsystem.waitTimeout" -}}{{- add (int .Values.trainer.deadlineSeconds) 300 -}}{{- end }}

{{/* Grace period of a site's pod in seconds: the drain, 25 for requests in flight, 5 to end. */}}
{{- define "modelsystem.gracePeriod" -}}{{- add (int .Values.scorer.drainSeconds) 30 -}}{{- end }}

{{/*
One environment variable. Kubernetes expands $(NAME) and reads $$ as $: in a text with either, every
$ is doubled.
  list <name> <text>
*/}}
{{- define "modelsystem.variable" -}}
{{- $text := last . -}}
{{- if or (contains "$(" $text) (contains "$$" $text) -}}{{- $text = replace "$" "$$" $text -}}{{- end }}
- name: {{ first . }}
  value: {{ $text | quote }}
{{- end }}

{{/*
All environment variables of a container.
  dict "root" <root> "workload" <name> "own" <variables that the chart sets>
*/}}
{{- define "modelsystem.env" -}}
{{- $env := .root.Values.env -}}
{{- $settings := dict "MODELFOLDER" (include "modelsystem.modelFolder" .root) "BUILDNUMBER" (include "modelsystem.build" .root) -}}
{{- range get (include "modelsystem.reads" .root | fromYaml) .workload -}}
{{- $text := include "modelsystem.text" (dict "key" (printf "env.%s" .) "value" (get $env .)) -}}
{{- if $text -}}{{- $_ := set $settings . $text -}}{{- end -}}
{{- end -}}
{{- range $name, $text := mergeOverwrite $settings .own -}}
{{- include "modelsystem.variable" (list $name $text) -}}
{{- end -}}
{{- with (get .root.Values .workload).extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}
