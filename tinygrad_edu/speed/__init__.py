"""Speed tricks. Each file holds one trick beside its plain twin."""
