export type WitnessTables = {}
