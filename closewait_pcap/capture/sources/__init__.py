"""Where captures come from: names become files, pipes and URLs; compressed and foreign ones become plain ones on the way."""
