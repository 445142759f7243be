"""Running a study: its plan into the store, and the stages that turn pending rows into rows."""
