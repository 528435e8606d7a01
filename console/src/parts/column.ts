/** A column of a table that is sorted by its columns. */
export interface Column<S extends string> {
  /** By which rows are sorted; none: they are not. */
  sort?: S;
  title: string;
  class: string;
  /** The highest values come first. */
  falls?: boolean;
}
