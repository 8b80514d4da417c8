export type MirrorTables = {}
