{{/*
Values that were set to null: Helm removes them, and their sections. Every template begins with
modelsystem.prepare, so that no other part of the chart meets a missing section. Takes the root.
*/}}
{{- define "modelsystem.prepare" -}}
{{- $_ := merge .Values (include "modelsystem.empties" . | fromYaml) -}}
{{- range include "modelsystem.needed" . | fromYamlArray -}}
{{- $value := $.Values -}}
{{- range splitList "." . -}}{{- $value = index $value . -}}{{- end -}}
{{- if kindIs "invalid" $value -}}
{{- fail (printf "%s: it is null, but must have a value; remove the null for the chart's default, or set a value" .) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* What a section or a field is when it was removed: empty. */}}
{{- define "modelsystem.empties" -}}
build: {}
image: {}
scoringimage: {}
waiterimage: {}
imagePullSecrets: []
outputs: {}
env: {}
storage: {}
signing: {}
workloadIdentity: {}
serviceAccount: {annotations: {}}
labels: {}
annotations: {}
podSecurityContext: {}
containerSecurityContext: {}
trainer: {resources: {}, podLabels: {}, podAnnotations: {}, extraEnv: []}
waiter: {resources: {}, extraEnv: []}
modelCache: {}
scorer: {resources: {}, podLabels: {}, podAnnotations: {}, extraEnv: []}
service: {annotations: {}}
podDisruptionBudget: {}
autoscaling: {}
alerts: {labels: {}}
networkPolicy: {}
serviceMonitor: {labels: {}}
podMonitor: {labels: {}}
{{- end }}

{{/* Values that nothing can stand in for. A switch is one of them: null is neither on nor off. */}}
{{- define "modelsystem.needed" -}}
- image.repository
- scoringimage.repository
- waiterimage.repository
- outputs.claim
- outputs.mountpath
- trainer.deadlineSeconds
- scorer.drainSeconds
- workloadIdentity.enabled
- serviceAccount.create
- modelCache.enabled
- podDisruptionBudget.enabled
- autoscaling.enabled
- alerts.enabled
{{- if get .Values.alerts "enabled" }}
- alerts.runbook
- alerts.stalledAfter
{{- end }}
- networkPolicy.enabled
- serviceMonitor.enabled
- podMonitor.enabled
{{- if not (get .Values.autoscaling "enabled") }}
- replicaCount
{{- else }}
- autoscaling.maxReplicas
- autoscaling.targetCPUUtilizationPercentage
{{- end }}
{{- if get .Values.podDisruptionBudget "enabled" }}
- podDisruptionBudget.maxUnavailable
{{- end }}
{{- if get .Values.storage "existingSecret" }}
- storage.existingSecretKey
- signing.existingSecretKey
{{- end }}
{{- end }}
