enum ChangeQueuePlaceholder {}
