{{/*
Checks that a schema cannot make: values that contradict each other or the cluster. Every message is
"key: fault; cure". Takes the root; renders nothing.
*/}}
{{- define "modelsystem.checks" -}}
{{- include "modelsystem.checkSettings" . -}}
{{- include "modelsystem.checkExport" . -}}
{{- include "modelsystem.checkSigning" . -}}
{{- include "modelsystem.checkFolders" . -}}
{{- include "modelsystem.checkTrainers" . -}}
{{- include "modelsystem.checkScaling" . -}}
{{- if include "modelsystem.isLive" . -}}
{{- include "modelsystem.checkCluster" . -}}
{{- end -}}
{{- include "modelsystem.checkUnchanged" . -}}
{{- end }}

{{/* Settings that the chart derives, and settings among the extra variables. */}}
{{- define "modelsystem.checkSettings" -}}
{{- range $name, $cure := include "modelsystem.derived" . | fromYaml -}}
{{- if hasKey $.Values.env $name -}}{{- fail (printf "env.%s: %s" $name $cure) -}}{{- end -}}
{{- end -}}
{{- range $workload, $names := include "modelsystem.reads" . | fromYaml -}}
{{- $settings := concat $names (include "modelsystem.derived" $ | fromYaml | keys) (list "BLOB_STORAGE_KEY") -}}
{{- range (get $.Values $workload).extraEnv -}}
{{- if has .name $settings -}}
{{- fail (printf "%s.extraEnv: %s is one of the settings; set env.%s instead" $workload .name .name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* One place of the export, and one way to read it. */}}
{{- define "modelsystem.checkExport" -}}
{{- $env := .Values.env -}}
{{- $blob := list "BLOB_STORAGE_ACCOUNT" "BLOB_STORAGE_CONTAINER" "BLOB_STORAGE_CSV_FOLDER" -}}
{{- if $env.CSV_FOLDER -}}
{{- range concat $blob (list "BLOB_STORAGE_KEY" "BLOB_STORAGE_ENDPOINT") -}}
{{- if get $env . -}}
{{- fail (printf "env.CSV_FOLDER: env.%s is set too, but the export is in one place; remove one of the two" .) -}}
{{- end -}}
{{- end -}}
{{- else -}}
{{- range $blob -}}
{{- if not (get $env .) -}}
{{- fail (printf "env.%s: neither this nor env.CSV_FOLDER is set; set the one that says where the export is" .) -}}
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
{{- fail (printf "%s: the Job signs in to the storage account in one way only; keep one of them, preferably workloadIdentity.enabled" (join " and " $ways)) -}}
{{- else if not (or $ways $azure) -}}
{{- fail "storage.existingSecret: the Job has no way to sign in to the storage account; name a Secret with the account's key, or set workloadIdentity.enabled=true" -}}
{{- end -}}
{{- if and .Values.workloadIdentity.enabled .Values.serviceAccount.create (not .Values.workloadIdentity.clientId) -}}
{{- fail "workloadIdentity.clientId: it is not set; set the managed identity's client id, or set serviceAccount.create=false and serviceAccount.name to an account that has it" -}}
{{- end -}}
{{- end }}

{{/* One key that signs, an identity that may use it, and no site that waits for a signature in vain. */}}
{{- define "modelsystem.checkSigning" -}}
{{- $vault := .Values.env.SIGNING_KEY_VAULT -}}
{{- $identity := .Values.workloadIdentity.enabled -}}
{{- range .Values.trainer.extraEnv -}}
{{- if hasPrefix "AZURE_" .name -}}{{- $identity = true -}}{{- end -}}
{{- end -}}
{{- if and $vault .Values.signing.existingSecret -}}
{{- fail "env.SIGNING_KEY_VAULT: signing.existingSecret is set too, but one key signs the model; remove one of the two" -}}
{{- else if and $vault (not $identity) -}}
{{- fail "env.SIGNING_KEY_VAULT: the Job has no way to sign in to the vault; set workloadIdentity.enabled=true" -}}
{{- else if and .Values.signing.trustedKeys (not (or $vault .Values.signing.existingSecret)) -}}
{{- fail "signing.trustedKeys: the Job does not sign, so that the site would refuse its model; set signing.existingSecret or env.SIGNING_KEY_VAULT, or remove signing.trustedKeys" -}}
{{- end -}}
{{- end }}

{{- define "modelsystem.checkFolders" -}}
{{- $mount := printf "%s/" (trimSuffix "/" .Values.outputs.mountpath) -}}
{{- $folder := include "modelsystem.modelFolder" . -}}
{{- if or (not (hasPrefix $mount (clean $folder))) (eq (clean $folder) (clean $mount)) -}}
{{- fail (printf "outputs.modelfolder: %s is not below outputs.mountpath %s, so the model would be lost with the pod; set a folder below it" $folder .Values.outputs.mountpath) -}}
{{- end -}}
{{- $champion := include "modelsystem.text" (dict "key" "env.CHAMPIONFOLDER" "value" .Values.env.CHAMPIONFOLDER) -}}
{{- if eq (clean $champion) (clean $folder) -}}
{{- fail (printf "env.CHAMPIONFOLDER: %s is the folder of this build; set the folder of an earlier build" $champion) -}}
{{- end -}}
{{- end }}

{{/* A Job of several pods is complete with its index 0 since Kubernetes 1.31. */}}
{{- define "modelsystem.checkTrainers" -}}
{{- $pods := include "modelsystem.trainers" . | int -}}
{{- $engine := include "modelsystem.text" (dict "key" "env.ENGINE" "value" .Values.env.ENGINE) | lower -}}
{{- if gt $pods 1 -}}
{{- if not (has $engine (list "" "indexed")) -}}
{{- fail (printf "env.ENGINE: %s does not share work among the %d pods of trainer.parallelism; remove env.ENGINE, or set trainer.parallelism=1" $engine $pods) -}}
{{- end -}}
{{- if not (semverCompare ">=1.31.0-0" .Capabilities.KubeVersion.Version) -}}
{{- fail (printf "trainer.parallelism: Kubernetes %s does not complete a Job with its index 0, 1.31 does; set trainer.parallelism=1" .Capabilities.KubeVersion.Version) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "modelsystem.checkScaling" -}}
{{- $scaling := .Values.autoscaling -}}
{{- if and $scaling.enabled (gt (int ($scaling.minReplicas | default 1)) (int $scaling.maxReplicas)) -}}
{{- fail (printf "autoscaling.maxReplicas: %d is less than autoscaling.minReplicas %d; raise it" (int $scaling.maxReplicas) (int $scaling.minReplicas)) -}}
{{- end -}}
{{- if and $scaling.enabled (not (dig "requests" "cpu" "" .Values.scorer.resources)) -}}
{{- fail "scorer.resources.requests.cpu: it is not set, but the CPU use that autoscaling.enabled aims at is relative to it; set it" -}}
{{- end -}}
{{- if and .Values.serviceMonitor.enabled .Values.podMonitor.enabled -}}
{{- fail "podMonitor.enabled: serviceMonitor.enabled is on too, so Prometheus would count everything twice; turn one off" -}}
{{- end -}}
{{- end }}

{{/* Objects that the release needs and does not create. */}}
{{- define "modelsystem.checkCluster" -}}
{{- $claim := .Values.outputs.claim -}}
{{- if not (lookup "v1" "PersistentVolumeClaim" .Release.Namespace $claim) -}}
{{- fail (printf "outputs.claim: there is no claim %s in namespace %s; create it once, as kube/README.md says" $claim .Release.Namespace) -}}
{{- end -}}
{{- include "modelsystem.checkKeys" . -}}
{{- with .Values.storage.existingSecret -}}
{{- $secret := lookup "v1" "Secret" $.Release.Namespace . -}}
{{- if not $secret -}}
{{- fail (printf "storage.existingSecret: there is no Secret %s in namespace %s; create it first" . $.Release.Namespace) -}}
{{- else if not (hasKey ($secret.data | default dict) $.Values.storage.existingSecretKey) -}}
{{- fail (printf "storage.existingSecretKey: Secret %s has no entry %s; set the entry that holds the storage account's key" . $.Values.storage.existingSecretKey) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* Secret and ConfigMap with the keys of signatures. */}}
{{- define "modelsystem.checkKeys" -}}
{{- with .Values.signing.existingSecret -}}
{{- $secret := lookup "v1" "Secret" $.Release.Namespace . -}}
{{- if not $secret -}}
{{- fail (printf "signing.existingSecret: there is no Secret %s in namespace %s; create it first" . $.Release.Namespace) -}}
{{- else if not (hasKey ($secret.data | default dict) $.Values.signing.existingSecretKey) -}}
{{- fail (printf "signing.existingSecretKey: Secret %s has no entry %s; set the entry that holds the private key" . $.Values.signing.existingSecretKey) -}}
{{- end -}}
{{- end -}}
{{- with .Values.signing.trustedKeys -}}
{{- $keys := lookup "v1" "ConfigMap" $.Release.Namespace . -}}
{{- if not ($keys.data | default dict) -}}
{{- fail (printf "signing.trustedKeys: there is no ConfigMap %s with keys in namespace %s; create it first" . $.Release.Namespace) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/*
Digest of everything that a build is made of: the chart's version and all values but the number of
pods and the storage key, which may be rotated.
*/}}
{{- define "modelsystem.settingsDigest" -}}
{{- $settings := omit (deepCopy .Values) "replicaCount" "autoscaling" -}}
{{- $_ := set $settings "env" (omit $settings.env "BLOB_STORAGE_KEY") -}}
{{- printf "%s %s" .Chart.Version (toJson $settings) | sha256sum -}}
{{- end }}

{{/* An upgrade may not change a build. Without a cluster there is nothing to compare with. */}}
{{- define "modelsystem.checkUnchanged" -}}
{{- $build := include "modelsystem.build" . -}}
{{- $digest := include "modelsystem.settingsDigest" . -}}
{{- range list (list "batch/v1" "Job" (include "modelsystem.job" .)) (list "apps/v1" "Deployment" (include "modelsystem.deployment" .)) -}}
{{- $live := lookup (index . 0) (index . 1) $.Release.Namespace (index . 2) -}}
{{- $before := dig "metadata" "annotations" "modelsystem/settings" $digest $live -}}
{{- if ne $before $digest -}}
{{- fail (printf "build.number: build %s is installed already with other settings, and a build never changes; install these under another build.number. If build %s gets no traffic, you can also helm uninstall it and remove its model folder first. helm get values %s shows its settings" $build $build $.Release.Name) -}}
{{- end -}}
{{- end -}}
{{- end }}
