"""Pure: a plan, or a file that is refused, as Markdown for a comment of a pull request.

For others: `plan_page.format_plan_markdown`, `refusal_page.format_refusal_markdown`, and
`shown_item.compare_item` for what the former asks of each item. No text of a file acts in what they
return: it is in code alone, which `escaping` writes.
"""
