export type FileTables = {}
