"""Azure ML v1: its control plane and its scoring, as `azureml-core` 1.61 asks for them."""
