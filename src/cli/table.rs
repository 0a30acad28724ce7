//! Rows for people: columns as wide as their widest cell.

/// Writes `rows` under `head`, columns apart by two blanks. Control characters in cells are left out: a name that
/// somebody else chose must not steer the terminal.
pub fn render(head: &[&str], rows: &[Vec<String>]) -> String {
    let clean = |cell: &str| cell.chars().filter(|c| !c.is_control()).collect::<String>();
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| row.iter().map(|cell| clean(cell)).collect())
        .collect();
    let width = |column: usize| {
        let cells = rows
            .iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count());
        cells.chain([head[column].len()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let line = |cells: Vec<&str>| {
        let padded = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        format!("{}\n", padded.collect::<Vec<_>>().join("  ").trim_end())
    };
    let body: String = rows
        .iter()
        .map(|row| line(row.iter().map(String::as_str).collect()))
        .collect();
    line(head.to_vec()) + &body
}

#[cfg(test)]
mod tests {
    #[test]
    fn columns_line_up_and_control_characters_are_left_out() {
        let text = super::render(&["A", "LONG"], &[vec!["xyz\u{1b}[31m".into(), "1".into()]]);
        assert_eq!(text, "A        LONG\nxyz[31m  1\n");
    }
}
