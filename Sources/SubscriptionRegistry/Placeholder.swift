enum SubscriptionRegistryPlaceholder {}
