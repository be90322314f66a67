"""What goes over the wire: request and response models, apart from the domain's, one module per noun."""
