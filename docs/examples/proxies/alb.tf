# An AWS Application Load Balancer in front of gateways on instances of a VPC (Terraform). It isn't run by our tests.
# The gateways: sluice gateway --host 0.0.0.0 --authorizer jwt … --trusted-proxies 10.0.0.0/16 --allowed-hosts push.example.com
# where 10.0.0.0/16 is the network of the load balancer's subnets, which adds X-Forwarded-For and X-Forwarded-Proto.

resource "aws_lb" "sluice" {
  name               = "sluice"
  load_balancer_type = "application"
  subnets            = var.subnets
  # Longer than the silence that the gateway breaks after 25 s.
  idle_timeout = 75
}

resource "aws_lb_target_group" "sluice" {
  name     = "sluice"
  port     = 8080
  protocol = "HTTP"
  vpc_id   = var.vpc
  # A gateway that drains is not ready, and gets nothing new.
  health_check {
    path     = "/readyz"
    interval = 5
    timeout  = 2
  }
  deregistration_delay = 30
}

resource "aws_lb_listener" "https" {
  load_balancer_arn = aws_lb.sluice.arn
  port              = 443
  protocol          = "HTTPS"
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"
  certificate_arn   = var.certificate
  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.sluice.arn
  }
}

variable "subnets" { type = list(string) }
variable "vpc" { type = string }
variable "certificate" { type = string }
