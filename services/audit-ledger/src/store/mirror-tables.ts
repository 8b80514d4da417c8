/** Mirrors are written and read in SQL of their own: store/mirror*.ts. */
export type MirrorTables = object
