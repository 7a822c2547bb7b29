enum DeliveryLinkPlaceholder {}
