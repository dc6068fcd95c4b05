"""What a failure of nodes is made of: outages on a schedule, and what is known of them."""
