{{/*
What a schema cannot say: values that contradict each other or the cluster. Every message names
the key and the cure. Takes the root; renders nothing.
*/}}
{{- define "modelsystem.checks" -}}
{{- include "modelsystem.checkText" . -}}
{{- include "modelsystem.checkExport" . -}}
{{- include "modelsystem.checkFolders" . -}}
{{- include "modelsystem.checkScaling" . -}}
{{- if include "modelsystem.isLive" . -}}
{{- include "modelsystem.checkCluster" . -}}
{{- end -}}
{{- include "modelsystem.checkUnchanged" . -}}
{{- end }}

{{- define "modelsystem.checkText" -}}
{{- range $name, $cure := include "modelsystem.derived" . | fromYaml -}}
{{- if hasKey $.Values.env $name -}}{{- fail (printf "env.%s: %s" $name $cure) -}}{{- end -}}
{{- end -}}
{{- range $workload, $names := include "modelsystem.reads" . | fromYaml -}}
{{- $taken := concat $names (include "modelsystem.derived" $ | fromYaml | keys) (list "BLOB_STORAGE_KEY") -}}
{{- range (get $.Values $workload).extraEnv -}}
{{- if has .name $taken -}}
{{- fail (printf "%s.extraEnv: %s is a setting of the program: set env.%s, or see how the README says that it is derived" $workload .name .name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* Where the data is, and how the Job may read it. */}}
{{- define "modelsystem.checkExport" -}}
{{- $env := .Values.env -}}
{{- $blob := list "BLOB_STORAGE_ACCOUNT" "BLOB_STORAGE_CONTAINER" "BLOB_STORAGE_CSV_FOLDER" -}}
{{- if $env.CSV_FOLDER -}}
{{- range concat $blob (list "BLOB_STORAGE_KEY" "BLOB_STORAGE_ENDPOINT") -}}
{{- if get $env . -}}
{{- fail (printf "env.CSV_FOLDER contradicts env.%s: the export is in one place, remove one of them" .) -}}
{{- end -}}
{{- end -}}
{{- else -}}
{{- range $blob -}}
{{- if not (get $env .) -}}
{{- fail (printf "env.%s: it is not set, and neither is env.CSV_FOLDER: say where the export is" .) -}}
{{- end -}}
{{- end -}}
{{- include "modelsystem.checkCredentials" . -}}
{{- end -}}
{{- end }}

{{- define "modelsystem.checkCredentials" -}}
{{- $ways := compact (list (ternary "storage.existingSecret" "" (not (empty .Values.storage.existingSecret)))
  (ternary "env.BLOB_STORAGE_KEY" "" (not (empty .Values.env.BLOB_STORAGE_KEY)))
  (ternary "workloadIdentity.enabled" "" .Values.workloadIdentity.enabled)) -}}
{{- $azure := false -}}
{{- range .Values.trainer.extraEnv -}}
{{- if hasPrefix "AZURE_" .name -}}{{- $azure = true -}}{{- end -}}
{{- end -}}
{{- if gt (len $ways) 1 -}}
{{- fail (printf "%s contradict each other: keep one way to log in to the storage account, best workloadIdentity.enabled" (join " and " $ways)) -}}
{{- else if not (or $ways $azure) -}}
{{- fail "storage.existingSecret: the Job could not log in to the storage account; name a Secret of this namespace that holds the account's key, or set workloadIdentity.enabled=true" -}}
{{- end -}}
{{- if and .Values.workloadIdentity.enabled .Values.serviceAccount.create (not .Values.workloadIdentity.clientId) -}}
{{- fail "workloadIdentity.clientId: it is not set; give the managed identity's client id, or name an account that has it with serviceAccount.create=false and serviceAccount.name" -}}
{{- end -}}
{{- end }}

{{- define "modelsystem.checkFolders" -}}
{{- $mount := printf "%s/" (trimSuffix "/" .Values.outputs.mountpath) -}}
{{- $folder := include "modelsystem.modelFolder" . -}}
{{- if or (not (hasPrefix $mount (clean $folder))) (eq (clean $folder) (clean $mount)) -}}
{{- fail (printf "outputs.modelfolder: %s is not below outputs.mountpath %s: the model would be lost with the pod" $folder .Values.outputs.mountpath) -}}
{{- end -}}
{{- $champion := include "modelsystem.text" (dict "key" "env.CHAMPIONFOLDER" "value" .Values.env.CHAMPIONFOLDER) -}}
{{- if eq (clean $champion) (clean $folder) -}}
{{- fail (printf "env.CHAMPIONFOLDER: %s is this build's own folder; name an earlier build's" $champion) -}}
{{- end -}}
{{- end }}

{{- define "modelsystem.checkScaling" -}}
{{- $scaling := .Values.autoscaling -}}
{{- if and $scaling.enabled (gt (int $scaling.minReplicas) (int $scaling.maxReplicas)) -}}
{{- fail (printf "autoscaling.maxReplicas: %d is less than autoscaling.minReplicas %d: raise it" (int $scaling.maxReplicas) (int $scaling.minReplicas)) -}}
{{- end -}}
{{- if and $scaling.enabled (not (dig "requests" "cpu" "" .Values.scorer.resources)) -}}
{{- fail "scorer.resources.requests.cpu: it is not set, and autoscaling.enabled needs it: utilisation is relative to the request" -}}
{{- end -}}
{{- if and .Values.serviceMonitor.enabled .Values.podMonitor.enabled -}}
{{- fail "podMonitor.enabled contradicts serviceMonitor.enabled: Prometheus would count everything twice, turn one off" -}}
{{- end -}}
{{- end }}

{{/* What the release needs and does not bring. */}}
{{- define "modelsystem.checkCluster" -}}
{{- $claim := .Values.outputs.claim -}}
{{- if not (lookup "v1" "PersistentVolumeClaim" .Release.Namespace $claim) -}}
{{- fail (printf "outputs.claim: there is no claim %s in namespace %s: make it once, see kube/README.md" $claim .Release.Namespace) -}}
{{- end -}}
{{- with .Values.storage.existingSecret -}}
{{- $secret := lookup "v1" "Secret" $.Release.Namespace . -}}
{{- if not $secret -}}
{{- fail (printf "storage.existingSecret: there is no Secret %s in namespace %s: make it first" . $.Release.Namespace) -}}
{{- else if not (hasKey ($secret.data | default dict) $.Values.storage.existingSecretKey) -}}
{{- fail (printf "storage.existingSecretKey: Secret %s has no key %s" . $.Values.storage.existingSecretKey) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/*
A digest of everything that a build is made of: all values but the number of pods and the
storage key, which may be rotated, and the chart's version.
*/}}
{{- define "modelsystem.settingsDigest" -}}
{{- $settings := omit (deepCopy .Values) "replicaCount" "autoscaling" -}}
{{- $_ := set $settings "env" (omit $settings.env "BLOB_STORAGE_KEY") -}}
{{- printf "%s %s" .Chart.Version (toJson $settings) | sha256sum -}}
{{- end }}

{{/* An upgrade may not change anything of a build. Offline there is nothing to compare with. */}}
{{- define "modelsystem.checkUnchanged" -}}
{{- $build := include "modelsystem.build" . -}}
{{- $digest := include "modelsystem.settingsDigest" . -}}
{{- range list (list "batch/v1" "Job" (include "modelsystem.job" .)) (list "apps/v1" "Deployment" (include "modelsystem.deployment" .)) -}}
{{- $live := lookup (index . 0) (index . 1) $.Release.Namespace (index . 2) -}}
{{- $before := dig "metadata" "annotations" "modelsystem/settings" $digest $live -}}
{{- if ne $before $digest -}}
{{- fail (printf "build.number: build %s is installed already, and with other settings; a build never changes. Install these settings under another build.number, or, if nobody uses build %s, helm uninstall it first and remove its model folder. helm get values %s shows what it has" $build $build $.Release.Name) -}}
{{- end -}}
{{- end -}}
{{- end }}
