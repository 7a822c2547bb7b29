enum StageLatencyPlaceholder {}
