// The network view: neurons as circles in columns, wires by sign and size.

class NetworkView {}
